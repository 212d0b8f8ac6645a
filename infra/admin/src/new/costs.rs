//! Rows of `tests/costs.rs`, in which a project says what its calls cost. A file that has not the
//! places for them stays as it is: its own test names the routes that have no row.

use anyhow::Result;

use super::edit::File;

const SERVICE: &str = "    let service = Service {";
const END_OF_COMMANDS: &str = "        ],\n        queries: vec![";
const END_OF_QUERIES: &str = "        ],\n        ..Service::default()";

/// Adds the rows of an aggregate whose calls are below `path`, as `/shop/customers`. `create` is
/// the name that the call gets which creates one.
pub(super) fn add_aggregate(costs: &mut File, path: &str, create: &str) -> Result<()> {
    if ![SERVICE, END_OF_COMMANDS, END_OF_QUERIES].iter().all(|place| costs.contains(place)) {
        return Ok(());
    }
    let call = format!(
        "    let {create} = || send(\"POST\", \"{path}\", json!({{ \"id\": \"1\", \"name\": \
         \"first\" }}));\n"
    );
    costs.insert_before(SERVICE, &call)?;
    costs.insert_before(END_OF_COMMANDS, &format!("            Case::new({create}(), &[]),\n"))?;
    let queries = [format!("{path}/1"), path.to_owned()]
        .map(|path| format!("            Case::new(get(\"{path}\"), &[{create}()]),\n"));
    costs.insert_before(END_OF_QUERIES, &queries.concat())
}

/// Adds the row of a command on a thing below `path`, `POST <path>/{id}/<verb>`: on one that was
/// created just before.
pub(super) fn add_command(costs: &mut File, path: &str, verb: &str) -> Result<()> {
    let Some(create) = creates(costs.text(), path) else { return Ok(()) };
    if !costs.contains(END_OF_COMMANDS) {
        return Ok(());
    }
    let row =
        format!("            Case::new(call(\"POST\", \"{path}/1/{verb}\"), &[{create}()]),\n");
    costs.insert_before(END_OF_COMMANDS, &row)
}

/// The name of the call that creates a thing below a path: `let place = || send("POST", …)`.
fn creates(text: &str, path: &str) -> Option<String> {
    let (before, _) = text.split_once(&format!("send(\"POST\", \"{path}\","))?;
    let (_, named) = before.rsplit_once("let ")?;
    let (name, _) = named.split_once(" =")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_creates_a_thing_is_found_by_its_path() {
        let text = "let order = json!({});\n\
                    let place = || send(\"POST\", \"/shop/orders\", order);\n\
                    let create_card =\n    || send(\"POST\", \"/shop/cards\", json!({}));\n";
        assert_eq!(creates(text, "/shop/orders").as_deref(), Some("place"));
        assert_eq!(creates(text, "/shop/cards").as_deref(), Some("create_card"));
        assert_eq!(creates(text, "/shop/card"), None);
    }
}
