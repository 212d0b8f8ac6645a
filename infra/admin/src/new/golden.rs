//! What `tests/golden.rs` of a project says of each kind of stream. A file that has not the places
//! for it stays as it is.

use anyhow::Result;

use super::edit::File;
use super::names::Name;

const DROPPED: &str = "    golden.check_dropped(&[";

/// Has an aggregate and its row checked, in the test that is there. Gives whether it did.
pub(super) fn add_aggregate(golden: &mut File, name: &Name) -> Result<bool> {
    let Some(package) = package(golden.text()).filter(|_| golden.contains(DROPPED)) else {
        return Ok(false);
    };
    let (one, pascal, file) = (name.snake(), name.pascal(), name.kebab());
    golden.import(&format!("{package}::{one}"), &pascal)?;
    golden.import(&format!("{package}::{one}"), &format!("{pascal}Event"))?;
    golden.import(&format!("{package}::{one}_row"), &format!("{pascal}Row"))?;
    golden.insert_before(
        DROPPED,
        &format!(
            "    golden.check::<{pascal}>(\"{file}\");\n    \
             golden.check_rows::<{pascal}Row>(\"{file}\");\n"
        ),
    )?;
    golden.insert_after(DROPPED, &format!("event_types::<{pascal}Event>(), "))?;
    Ok(true)
}

/// The project's own package, as the file imports from it.
fn package(text: &str) -> Option<String> {
    let roots = text.lines().filter_map(|line| line.strip_prefix("use ")?.split("::").next());
    roots.map(str::to_owned).find(|root| root != "headwater")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_what_is_imported_beside_headwater() {
        let text = "use headwater::testkit::Golden;\nuse my_shop::order::Order;\n";
        assert_eq!(package(text).as_deref(), Some("my_shop"));
        assert_eq!(package("use headwater::testkit::Golden;"), None);
    }
}
