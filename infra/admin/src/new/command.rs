//! `headwater new command`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::edit::File;
use super::names::Name;
use super::sources::Sources;
use super::{Place, costs};

/// What is known of the command that is added.
struct Wanted<'a> {
    name: &'a Name,
    aggregate: &'a Name,
    /// As `OrderEvent`.
    events: String,
    /// The expression for the command's event, if it is known.
    event: Option<String>,
    /// Whether the aggregate says that a thing may not be there.
    has_is_there: bool,
    /// As `POST /shop/orders/{id}/ship`.
    route: String,
}

/// Adds a command to an aggregate, and says what was done.
///
/// # Errors
/// If there is one of this name, or a file is not as expected; then nothing is changed.
pub(super) fn add(
    name: &Name,
    aggregate: &Name,
    event: Option<&Name>,
    place: &Place,
) -> Result<String> {
    let mut sources = Sources::read(place)?;
    let (command, aggregate_type) = (name.pascal(), aggregate.pascal());
    if let Some(file) = sources.with(&format!("pub struct {command} ")).first() {
        bail!("{} has a command {command} already", file.path().display());
    }
    let state = sources.path_with(&format!("impl Aggregate for {aggregate_type} {{"))?;
    let (events, has_is_there) = of_aggregate(sources.file(&state)?, &aggregate_type)?;
    let event = match event {
        Some(event) => add_event(&mut sources, &events, &event.pascal())?,
        None => None,
    };
    let verb = name.first().to_owned();
    let path = format!("/{}{}", sources.domain_name()?, sources.path_of(&aggregate_type)?);
    let route = format!("POST {path}/{{id}}/{verb}");
    let wanted = Wanted { name, aggregate, events, event, has_is_there, route };

    let home = home_of_commands(&sources, &state, &aggregate_type);
    let file = match &home {
        Home::State => {
            wanted.add_to(&mut sources, &state)?;
            state.clone()
        }
        Home::Folder(folder) => wanted.add_file_to(&mut sources, folder, &state)?,
    };
    let module = match &home {
        Home::State => sources.module_in_table(&file),
        Home::Folder(folder) => sources.module_in_table(folder),
    };
    let line = format!(".action::<{command}>(\"{verb}\", \"{}.\")", sentence(&command));
    sources.add_line(&aggregate_type, &line)?;
    sources.table()?.import(&module, &command)?;
    if let Some(file) = sources.costs() {
        costs::add_command(file, &path, &verb)?;
    }
    sources.write()?;
    Ok(wanted.next(&sources, &file))
}

/// Where an aggregate's commands are.
enum Home {
    /// In its own file.
    State,
    /// Each in a file of its own, in this folder.
    Folder(PathBuf),
}

fn home_of_commands(sources: &Sources, state: &Path, aggregate: &str) -> Home {
    let mut folders: BTreeMap<&Path, usize> = BTreeMap::new();
    for file in sources.with(&format!("type Aggregate = {aggregate};")) {
        if file.path() == state {
            return Home::State;
        }
        *folders.entry(file.path().parent().unwrap_or(Path::new(""))).or_default() += 1;
    }
    folders.retain(|folder, _| folder.with_extension("rs").exists());
    let most = folders.into_iter().max_by_key(|(_, commands)| *commands);
    most.map_or(Home::State, |(folder, _)| Home::Folder(folder.to_owned()))
}

/// The type of an aggregate's events, and whether it says what is there.
fn of_aggregate(file: &File, aggregate: &str) -> Result<(String, bool)> {
    const EVENT: &str = "type Event = ";
    let block = &file.text()[file.block(&format!("impl Aggregate for {aggregate} {{"))?];
    let start = block.find(EVENT).map(|start| start + EVENT.len());
    let events = start.and_then(|start| block[start..].split(';').next());
    ensure!(events.is_some(), file.missing(&format!("`{EVENT}`")));
    Ok((events.unwrap_or_default().to_owned(), block.contains("fn is_there(")))
}

/// Adds an event to its enum and to all that folds it, unless it is there. The expression for it is
/// known only if it has no fields.
fn add_event(sources: &mut Sources, events: &str, event: &str) -> Result<Option<String>> {
    let opening = format!("pub enum {events} {{");
    let path = sources.path_with(&opening)?;
    let file = sources.file(&path)?;
    let block = file.block(&opening)?;
    let expression = format!("{events}::{event} {{}}");
    let mut variants = file.text()[block.clone()].lines().map(str::trim);
    if let Some(variant) = variants.find(|line| line.starts_with(&format!("{event} {{"))) {
        return Ok(variant.starts_with(&format!("{event} {{}}")).then_some(expression));
    }
    file.insert_at_end_of(&block, &format!("/// {}.\n{event} {{}},", sentence(event)));
    for file in sources.all().filter(|file| !file.path().ends_with("tests.rs")) {
        fold(file, events, &expression)?;
    }
    Ok(Some(expression))
}

/// Adds an event to each fold of a file, and raises the fold's revision. What folds it takes
/// nothing from it yet; of rows of parts it concerns none.
fn fold(file: &mut File, events: &str, event: &str) -> Result<()> {
    for function in ["fn evolve(&mut self, event: &", "fn id(event: &"] {
        let opening = format!("{function}{events}");
        let starts: Vec<usize> = file.text().match_indices(&opening).map(|(at, _)| at).collect();
        // From the end, so that what is inserted moves none of those that follow.
        for start in starts.into_iter().rev() {
            let body = file.block_at(start)?;
            let found = file.text()[body].find("match event").map(|at| start + at);
            let at = found.with_context(|| file.missing("`match event`"))?;
            let block = file.block_at(at)?;
            if file.text()[block.clone()].lines().any(|line| line.trim().starts_with("_ =>")) {
                continue;
            }
            let line_start = file.text()[..at].rfind('\n').map_or(0, |end| end + 1);
            let is_statement = file.text()[line_start..at].trim().is_empty();
            let value = match (function.starts_with("fn id"), is_statement) {
                (true, _) => "None,",
                (false, true) => "{}",
                (false, false) => "return,",
            };
            file.insert_at_end_of(&block, &format!("{event} => {value}"));
            if function.starts_with("fn evolve") {
                file.raise_revision_before(start)?;
            }
        }
    }
    let takes_apart = format!("}}: &{events},");
    let mut lines = file.text().lines().map(str::trim);
    ensure!(
        !lines.any(|line| line.starts_with("fn evolve(") && line.contains(&takes_apart)),
        file.missing("`match event` in `evolve`, which knows a single event")
    );
    Ok(())
}

impl Wanted<'_> {
    fn snake(&self) -> String {
        self.name.snake()
    }

    /// The type, with its decision.
    fn code(&self) -> String {
        let (command, aggregate) = (self.name.pascal(), self.aggregate.pascal());
        let variable = self.aggregate.snake();
        let events = self.event.clone().unwrap_or_default();
        let (state, context, check) = match self.has_is_there {
            true => (
                variable.as_str(),
                "context",
                format!(
                    "if !{variable}.is_there() {{
            return Err(Rejection::unknown(\"{}\", &context.id));
        }}
        ",
                    self.aggregate.words()
                ),
            ),
            false => ("_", "_", String::new()),
        };
        format!(
            "/// `{route}`: {sentence}.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = \"camelCase\", deny_unknown_fields)]
pub struct {command} {{}}

impl Command for {command} {{
    type Aggregate = {aggregate};
    const NAME: &'static str = \"{command}\";

    fn decide(
        &self,
        {state}: &{aggregate},
        {context}: &Context,
    ) -> Verdict<{aggregate}> {{
        {check}Ok(vec![{events}])
    }}
}}
",
            route = self.route,
            sentence = sentence(&command).to_lowercase(),
        )
    }

    /// A first test.
    fn test(&self) -> String {
        let (command, aggregate) = (self.name.pascal(), self.aggregate.pascal());
        let (name, then) = match (self.has_is_there, &self.event) {
            (true, _) => ("finds_nothing_where_there_is_none", "then_unknown()".to_owned()),
            (false, Some(event)) => ("is_recorded", format!("then([{event}])")),
            (false, None) => ("changes_nothing_where_there_is_none", "then_nothing()".to_owned()),
        };
        format!(
            "#[test]\nfn {}_{name}() {{\n    given::<{aggregate}>([]).when({command} \
             {{}}).{then};\n}}",
            self.snake()
        )
    }

    fn tests(&self, testkit: &str) -> String {
        let test = self.test().replace('\n', "\n    ");
        format!(
            "#[cfg(test)]\nmod tests {{\n    use {testkit}::given;\n\n    use super::*;\n\n    \
             {test}\n}}\n"
        )
    }

    /// What the code needs beside the types of its own aggregate.
    fn imports(&self) -> Vec<(&'static str, &'static str)> {
        let mut imports = vec![
            ("garde", "Validate"),
            ("headwater", "Command"),
            ("headwater", "Context"),
            ("headwater", "Verdict"),
            ("serde", "Deserialize"),
            ("serde", "Serialize"),
            ("utoipa", "ToSchema"),
        ];
        if self.has_is_there {
            imports.push(("headwater", "Rejection"));
        }
        imports
    }

    /// Adds the command to the aggregate's own file.
    fn add_to(&self, sources: &mut Sources, state: &Path) -> Result<()> {
        let testkit = sources.testkit();
        let file = sources.file(state)?;
        for (module, name) in self.imports() {
            file.import(module, name)?;
        }
        let code = self.code();
        if file.contains("\nmod tests;") {
            file.insert_before("#[cfg(test)]\nmod tests;", &format!("{code}\n"))?;
            let tests = sources.file(&state.with_extension("").join("tests.rs"))?;
            tests.append(&format!("\n{}\n", self.test()));
            return tests.import(testkit, "given");
        }
        if file.contains("\nmod tests {") {
            file.insert_before("#[cfg(test)]\nmod tests {", &format!("{code}\n"))?;
            let block = file.block("mod tests {")?;
            file.insert_at_end_of(&block, &format!("\n{}", self.test()));
        } else {
            file.append(&format!("\n{code}\n{}", self.tests(testkit)));
        }
        Ok(())
    }

    /// Adds a file for the command to the folder of the aggregate's commands.
    fn add_file_to(&self, sources: &mut Sources, folder: &Path, state: &Path) -> Result<PathBuf> {
        let (module, command) = (self.snake(), self.name.pascal());
        let path = folder.join(format!("{module}.rs"));
        let mut types = vec![self.aggregate.pascal()];
        types.extend(self.event.as_ref().map(|_| self.events.clone()));
        let imports: String = self
            .imports()
            .iter()
            .map(|(module, name)| format!("use {module}::{name};\n"))
            .collect();
        let text = format!(
            "{imports}\nuse crate::{}::{{{}}};\n\n{}\n{}",
            sources.module(state),
            types.join(", "),
            self.code(),
            self.tests(sources.testkit())
        );
        let new = File::new(path.clone(), text)?;
        let list = sources.file(&folder.with_extension("rs"))?;
        list.insert_before("\nmod ", &format!("\nmod {module};"))?;
        list.insert_before("\npub use ", &format!("\npub use {module}::{command};"))?;
        sources.add(new);
        Ok(path)
    }

    /// What to do next.
    fn next(&self, sources: &Sources, file: &Path) -> String {
        let (command, file) = (self.name.pascal(), file.display());
        let event = match &self.event {
            Some(event) => format!(", with its event {}", event.trim_end_matches(" {}")),
            None => ", without an event yet".to_owned(),
        };
        let done = format!(
            "{command} is added{event}: {}.\n\n- Write its rule and its tests in {file}.\n- \
             Where else an event counts, the compiler says.",
            self.route
        );
        match sources.is_one_of_several() {
            false => format!(
                "{done}\n\nNext:\n\n  BLESS=1 cargo test --test template --test golden\n  \
                 BLESS=1 cargo test"
            ),
            true => format!(
                "{done}\n- Another method or path is another kind of line in the service's table: \
                 docs/reference/building-blocks.md\n- What else the tests want: \
                 docs/how-to/add-a-command.md\n\nNext:\n\n  cargo xtask template\n  BLESS=1 cargo \
                 test -p headwater-tests --test docs\n  cargo test --workspace"
            ),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_s_name_begins_a_sentence() {
        assert_eq!(sentence("ShipOrder"), "Ship order");
    }
}
