//! `template.yaml` is written from the service. `BLESS=1 cargo test --test template` writes it.

use std::path::Path;

use headwater::template::{check, render};

/// What the template has beside what every system has: parameters, resources, alarms.
const OWN: &str = "";

#[test]
fn the_template_is_up_to_date() -> Result<(), Box<dyn std::error::Error>> {
    let header = "Written by `BLESS=1 cargo test --test template`. Change the service instead.";
    let template = render(&shop::services(), OWN, header)?;
    Ok(check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml"), &template)?)
}
