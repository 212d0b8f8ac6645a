//! What no well-behaved client sends, on every call that there is: see
//! [`headwater_tests::hostile`], whose checks are tests here, beside those that know our services.

mod access;
mod bodies;
mod cursors;
mod headers;
mod http;

use anyhow::Result;
use headwater_tests::hostile::{self, Target};

use crate::support::own_platform;

/// A platform whose calls are tried out.
async fn target() -> Result<Target> {
    Target::new(own_platform()?, "acme").await
}

/// Tests, each of one check on every call.
macro_rules! checks {
    ($($test:ident: $check:ident;)*) => {$(
        #[tokio::test]
        async fn $test() -> Result<()> {
            let mut target = target().await?;
            hostile::$check(&mut target).await?;
            target.finish().await
        }
    )*};
}

checks! {
    no_command_takes_what_is_no_body: bodies;
    no_call_takes_what_is_no_token: tokens;
    no_call_takes_what_is_no_name: names;
    no_list_takes_what_is_no_limit_and_no_call_an_unknown_parameter: queries;
    a_parameter_that_comes_twice_is_refused_on_every_call: parameters_twice;
    head_is_get_without_a_body_and_what_a_path_lacks_is_told: methods;
    bodies_are_read_in_one_way_by_every_call: bodies_in_one_way;
}
