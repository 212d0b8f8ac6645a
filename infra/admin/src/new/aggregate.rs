//! `headwater new aggregate`.

use anyhow::{Result, bail, ensure};

use super::edit::File;
use super::names::Name;
use super::sources::Sources;
use super::{Place, costs, golden};

/// Adds an aggregate, and says what was done.
///
/// # Errors
/// If there is one of this name, or a file is not as expected; then nothing is changed.
pub(super) fn add(name: &Name, plural: Option<Name>, place: &Place) -> Result<String> {
    let mut sources = Sources::read(place)?;
    let plural = plural.unwrap_or_else(|| name.plural());
    let (one, pascal) = (name.snake(), name.pascal());
    for keyword in ["struct", "enum"] {
        if let Some(file) = sources.with(&format!("pub {keyword} {pascal} ")).first() {
            bail!("{} has a type {pascal} already: nothing was changed", file.path().display());
        }
    }
    let path = format!("(\"/{}\",", plural.kebab());
    let table = sources.table()?;
    ensure!(
        !table.contains(&path),
        "{} has the path /{} already: choose another with `--plural NAME`",
        table.path().display(),
        plural.kebab()
    );

    let texts = [
        (format!("{one}.rs"), include_str!("../../new/thing.rs")),
        (format!("{one}_row.rs"), include_str!("../../new/thing_row.rs")),
    ];
    for (file, text) in texts {
        let text = renamed(text, name, &plural).replace("headwater::testkit", sources.testkit());
        let new = File::new(sources.domain().join(file), text)?;
        sources.add(new);
    }
    register(&mut sources, name, &plural)?;
    add_calls(&mut sources, name, &plural)?;
    let path = format!("/{}/{}", sources.domain_name()?, plural.kebab());
    if let Some(file) = sources.costs() {
        costs::add_aggregate(file, &path, &format!("create_{one}"))?;
    }
    add_golden(&mut sources, name, &plural)?;
    sources.write()?;
    Ok(next(&sources, name))
}

/// Has what the aggregate stores be checked for ever, with a first history.
fn add_golden(sources: &mut Sources, name: &Name, plural: &Name) -> Result<()> {
    let domain = sources.domain_name()?;
    let Some(file) = sources.golden() else { return Ok(()) };
    if golden::add_aggregate(file, name)? {
        let history = include_str!("../../new/thing.history.json")
            .replace("DOMAIN", &domain)
            .replace("THINGS", &plural.kebab())
            .replace("Thing", &name.pascal());
        let path = format!("tests/golden/{}.history.json", name.kebab());
        sources.add(File::new(path.into(), history)?);
    }
    Ok(())
}

/// The example's text with this aggregate's names.
fn renamed(text: &str, name: &Name, plural: &Name) -> String {
    let one = name.snake();
    text.replace("THINGS", &plural.screaming())
        .replace("THING", &name.screaming())
        .replace("thing::", &format!("{one}::"))
        .replace("Thing", &name.pascal())
        .replace("\"things\"", &format!("\"{}\"", plural.kebab()))
        .replace("\"thing-", &format!("\"{}-", name.kebab()))
        .replace("things", &plural.words())
        .replace("a_thing", &format!("a_{one}"))
        .replace("thing.", &format!("{one}."))
        .replace(", thing:", &format!(", {one}:"))
        .replace("thing", &name.words())
}

/// Makes the aggregate and its row known to the domain.
fn register(sources: &mut Sources, name: &Name, plural: &Name) -> Result<()> {
    const PROJECTIONS: &str = "pub const PROJECTIONS: [ProjectionFn; ";
    let (one, pascal) = (name.snake(), name.pascal());
    let is_one_of_several = sources.is_one_of_several();
    let lib = sources.lib()?;
    lib.insert_before("\npub mod ", &format!("\npub mod {one};\npub mod {one}_row;"))?;
    lib.insert_after("&[aggregate_fn::<", &format!("{pascal}>(), aggregate_fn::<"))?;
    let projection = format!("projection_fn::<{pascal}Row>(), ");
    if lib.contains(PROJECTIONS) {
        lib.raise(lib.find(PROJECTIONS)? + PROJECTIONS.len(), ']')?;
        lib.insert_after_next("[", PROJECTIONS.len() + lib.find(PROJECTIONS)?, &projection)?;
    } else {
        lib.insert_after("&[projection_fn::<", &format!("{pascal}Row>(), projection_fn::<"))?;
    }
    if is_one_of_several {
        lib.import("headwater", "projection_fn")?;
        let exported = format!(
            "\npub use {one}::{{{pascal}, {pascal}Event}};\npub use {one}_row::{pascal}Row;"
        );
        lib.insert_before("\npub use ", &exported)?;
        let row = format!(
            "//! | `{}/<id>` | [`{pascal}`] | [`{pascal}Row`] | in [`{one}`] |\n",
            plural.kebab()
        );
        lib.insert_after("//! |---|---|---|---|\n", &row)?;
    } else {
        lib.import(&format!("crate::{one}"), &pascal)?;
        lib.import(&format!("crate::{one}_row"), &format!("{pascal}Row"))?;
    }
    Ok(())
}

/// Adds its calls to the service's table.
fn add_calls(sources: &mut Sources, name: &Name, plural: &Name) -> Result<()> {
    let (one, pascal) = (name.snake(), name.pascal());
    let (path, constant, words) = (plural.kebab(), plural.screaming(), plural.words());
    let domain = sources.domain().to_owned();
    let module = sources.module_in_table(&domain.join(&one));
    let table = sources.table()?;
    table.import(&module, &format!("Create{pascal}"))?;
    table.import(&module, &pascal)?;
    table.import(&format!("{module}_row"), &constant)?;
    table.import(&format!("{module}_row"), &format!("{pascal}Row"))?;
    table.insert_before(
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
    )
}

/// What to do next.
fn next(sources: &Sources, name: &Name) -> String {
    let (one, domain) = (name.snake(), sources.domain().display());
    let done = format!(
        "{one}.rs and {one}_row.rs are made in {domain}, and {} their lines. Next:",
        if sources.is_one_of_several() {
            "the domain and the service's table have"
        } else {
            "src/lib.rs has"
        }
    );
    match sources.is_one_of_several() {
        false => format!("{done}\n\n  BLESS=1 cargo test --test template\n  BLESS=1 cargo test"),
        true => format!(
            "{done}\n\n  cargo xtask template\n  BLESS=1 cargo test -p headwater-tests --test \
             docs\n  cargo test --workspace\n\nWrite its golden history as tests/tests/golden.rs \
             says. The tests name what else a command needs: docs/how-to/add-a-command.md"
        ),
    }
}
