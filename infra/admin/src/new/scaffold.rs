use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Place;
use super::edit::File;
use super::names::Name;

/// Adds an aggregate, and says what was done.
///
/// # Errors
/// If there is one of this name, or a file is not as expected; then nothing is changed.
pub(super) fn aggregate(name: &Name, plural: Option<Name>, place: &Place) -> Result<String> {
    ensure!(
        place.service.is_none(),
        "in a repository with several services, copy an aggregate's file by hand"
    );
    let plural = plural.unwrap_or_else(|| name.plural());
    let (folder, _) = place.folders();
    let (one, pascal) = (name.snake(), name.pascal());
    let renamed = |text: &str| {
        text.replace("THINGS", &plural.screaming())
            .replace("THING", &name.screaming())
            .replace("thing::", &format!("{one}::"))
            .replace("Thing", &pascal)
            .replace("\"things\"", &format!("\"{}\"", plural.kebab()))
            .replace("\"thing-", &format!("\"{}-", name.kebab()))
            .replace("things", &plural.words())
            .replace("a_thing", &format!("a_{one}"))
            .replace("thing.", &format!("{one}."))
            .replace(", thing:", &format!(", {one}:"))
            .replace("thing", &name.words())
    };
    let domain = renamed(include_str!("../../new/thing.rs"));
    let row = renamed(include_str!("../../new/thing_row.rs"));
    let domain = File::new(folder.join(format!("{one}.rs")), domain)?;
    let row = File::new(folder.join(format!("{one}_row.rs")), row)?;

    let mut lib = File::read(folder.join("lib.rs"))?;
    lib.insert_before("\nuse headwater::", &format!("pub mod {one};\npub mod {one}_row;\n"));
    lib.insert_before(
        "\n/// The second segment of all streams' names",
        &format!(
            "use crate::{one}::{{Create{pascal}, {pascal}}};\nuse crate::{one}_row::{{{}, \
             {pascal}Row}};\n",
            plural.screaming()
        ),
    );
    lib.insert_after("&[aggregate_fn::<", &format!("{pascal}>(), aggregate_fn::<"))?;
    lib.insert_after("&[projection_fn::<", &format!("{pascal}Row>(), projection_fn::<"))?;
    let (path, constant, words) = (plural.kebab(), plural.screaming(), plural.words());
    lib.insert_before(
        "        .execute()",
        &format!(
            "        .aggregate::<{pascal}>(\"/{path}\", |{variable}| {{
            {variable}
                .create::<Create{pascal}>(\"Create a {one_word}.\")
                .row::<{pascal}Row>(\"Read a {one_word}.\")
                .list::<{pascal}Row>({constant}, \"List {words}, the newest first.\")
        }})
",
            variable = plural.snake(),
            one_word = name.words(),
        ),
    );
    write(&[domain, row, lib])?;
    Ok(format!(
        "{one}.rs and {one}_row.rs are made, and src/lib.rs has their lines. Next:\n\n  BLESS=1 \
         cargo test --test template\n  cargo test"
    ))
}

/// Adds a command to an aggregate, and says what was done.
///
/// # Errors
/// If there is one of this name, or a file is not as expected; then nothing is changed.
pub(super) fn command(
    name: &Name,
    aggregate: &Name,
    event: &Name,
    place: &Place,
) -> Result<String> {
    let (folder, table) = place.folders();
    let (command, aggregate_type) = (name.pascal(), aggregate.pascal());
    let (variable, event) = (aggregate.snake(), event.pascal());
    let mut domain = File::read(folder.join(format!("{variable}.rs")))?;
    ensure!(
        !domain.contains(&format!("pub struct {command} ")),
        "{} has a command {command} already",
        domain.path().display()
    );
    domain.raise_revision()?;
    domain.insert_at_end_of(
        &format!("pub enum {aggregate_type}Event {{"),
        &format!("/// {}.\n{event} {{}},", sentence(&event)),
    )?;
    let arm = format!("{aggregate_type}Event::{event} {{}} => {{}}");
    domain.insert_at_end_of("match event {", &arm)?;
    let mut row = File::read(folder.join(format!("{variable}_row.rs")))?;
    row.raise_revision()?;
    row.insert_at_end_of("match event {", &arm)?;

    let line = sentence(&command);
    domain.insert_before(
        "#[cfg(test)]\nmod tests",
        &format!(
            "/// {line}.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = \"camelCase\", deny_unknown_fields)]
pub struct {command} {{}}

impl Command for {command} {{
    type Aggregate = {aggregate_type};
    const NAME: &'static str = \"{command}\";

    fn decide(
        &self,
        {variable}: &{aggregate_type},
        context: &Context,
    ) -> Verdict<{aggregate_type}> {{
        if !{variable}.is_there() {{
            return Err(Rejection::unknown(\"{}\", &context.id));
        }}
        Ok(vec![{aggregate_type}Event::{event} {{}}])
    }}
}}

",
            aggregate.words()
        ),
    );
    let test = format!(
        "
#[test]
fn {}_finds_nothing_where_there_is_none() {{
    given::<{aggregate_type}>([]).when({command} {{}}).then_unknown();
}}",
        name.snake()
    );
    let mut files = Vec::new();
    if domain.contains("mod tests;") {
        let mut tests = File::read(folder.join(format!("{variable}/tests.rs")))?;
        tests.insert_before("\u{0}", &format!("{test}\n"));
        files.push(tests);
    } else {
        domain.insert_at_end_of("mod tests {", &test)?;
    }

    let mut table = File::read(table.join("lib.rs"))?;
    let verb = name.first();
    let calls = table.calls_of(&aggregate_type)?;
    table
        .insert_at_end_of(&calls, &format!("    .action::<{command}>(\"{verb}\", \"{line}.\")"))?;
    match &place.service {
        None => table.import(&format!("use crate::{variable}::"), &command)?,
        Some(service) => {
            table.import(&format!("use {}::", service.snake()), &command)?;
            let mut lib = File::read(folder.join("lib.rs"))?;
            lib.import(&format!("pub use {variable}::"), &command)?;
            files.push(lib);
        }
    }
    files.extend([domain, row, table]);
    write(&files)?;
    let template = match &place.service {
        None => "BLESS=1 cargo test --test template",
        Some(_) => "cargo xtask template",
    };
    Ok(format!(
        "{command} is added, with its event {event}. Write its rule and its test in {variable}.rs. \
         Next:\n\n  {template}\n  cargo test"
    ))
}

/// `ShipOrder` as the beginning of a sentence: `Ship order`.
fn sentence(pascal: &str) -> String {
    let mut words = String::new();
    for letter in pascal.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// Writes all files, and has rustfmt bring them into order, if there is one.
fn write(files: &[File]) -> Result<()> {
    for file in files {
        if let Some(folder) = file.path().parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        file.write()?;
    }
    let rust = files.iter().map(|file| file.path());
    // Without rustfmt the lines are as long as they are.
    Command::new("rustfmt").args(["--edition", "2024"]).args(rust).status().ok();
    Ok(())
}

impl File {
    /// How the calls of an aggregate begin in the service's table.
    fn calls_of(&self, aggregate: &str) -> Result<String> {
        let calls = format!(".aggregate::<{aggregate}>(");
        ensure!(
            self.contains(&calls),
            "{} lacks `{calls}`: nothing was changed",
            self.path().display()
        );
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_s_name_begins_a_sentence() {
        assert_eq!(sentence("ShipOrder"), "Ship order");
    }
}
