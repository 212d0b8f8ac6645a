//! Lists that are written by hand name what the code and the template have: no more, no less.

use std::collections::{BTreeMap, BTreeSet};

use headwater_lambda::SchemaOf;

use crate::{expect_none, files, read};

/// Variables that others read: the AWS SDK, Cargo, the system.
const OF_OTHERS: [&str; 7] = [
    "AWS_ENDPOINT_URL",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_PROFILE",
    "AWS_REGION",
    "CARGO_TARGET_DIR",
    "RUST_LOG",
    "TMPDIR",
];

/// Variables that programs of the repository set for themselves.
const INTERNAL: [&str; 6] = [
    "CARGO",
    "DATA_DIR",
    "HEADWATER_RUNS_AS_PLATFORM",
    "HEADWATER_TESTS_CLI",
    "HEADWATER_TEST_DATA_DIR",
    "PATH",
];

#[test]
fn every_variable_of_the_environment_is_told() {
    let page = read("docs/reference/environment.md");
    let told: BTreeSet<_> = first_cells(&page)
        .flat_map(|cell| quoted(&cell))
        .filter(|name| is_variable(name) && !OF_OTHERS.contains(&name.as_str()))
        .collect();
    let mut used: BTreeSet<String> = ["BLESS".to_owned()].into();
    for file in sources() {
        let text = read(&file);
        for before in ["env::var(\"", "env::var_os(\"", "env = \""] {
            used.extend(after(&text, before));
        }
    }
    // Those of functions.
    let template = read("template.yaml");
    let variables = template.split("        Variables:\n").skip(1).flat_map(|function| {
        function.lines().map_while(|line| line.strip_prefix("          ")?.split_once(": "))
    });
    used.extend(variables.map(|(name, _)| name.to_owned()));
    used.retain(|name| is_variable(name) && !INTERNAL.contains(&name.as_str()));
    used.retain(|name| !OF_OTHERS.contains(&name.as_str()));
    same("docs/reference/environment.md", &told, &used);
}

#[test]
fn every_metric_is_told() {
    let told: BTreeSet<_> = first_cells(&read("docs/reference/metrics.md"))
        .filter_map(|cell| quoted(&cell).into_iter().next())
        .collect();
    let mut emitted = BTreeSet::new();
    for file in sources() {
        let text = read(&file);
        // Without examples in doc comments.
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text = code.collect::<Vec<_>>().join("\n");
        for call in text.split("metric(").skip(1) {
            let call = call.split(");").next().unwrap();
            emitted.extend(call.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        // Those that a function of this name answers with.
        for body in text.split("fn metric_of").skip(1) {
            let body = body.split("\n}\n").next().unwrap();
            emitted.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    // Those of each invocation, as (name, value, unit).
    let observe = read("shared/lambda/src/observe.rs");
    for line in observe.lines().filter(|line| line.contains("\"Count\")") || line.contains("\"Mi"))
    {
        emitted.extend(line.split('"').nth(1).map(str::to_owned));
    }
    emitted.retain(|name| name.chars().next().is_some_and(char::is_uppercase) && name != "Count");
    emitted.retain(|name| !name.contains(' '));
    same("docs/reference/metrics.md", &told, &without_services(emitted));
}

#[test]
fn every_alarm_has_an_answer() {
    let page = read("docs/how-to/answer-an-alarm.md");
    let told: BTreeSet<_> = first_cells(&page).flat_map(|cell| quoted(&cell)).collect();
    let alarms: BTreeSet<_> = resources()
        .into_iter()
        .filter(|(_, kind)| kind == "AWS::CloudWatch::Alarm")
        .map(|(name, _)| name)
        .collect();
    assert!(alarms.len() > 30, "{alarms:?}");
    same("docs/how-to/answer-an-alarm.md", &told, &alarms);
}

#[test]
fn every_parameter_and_store_of_the_template_is_told() {
    let page = read("docs/reference/template.md");
    let template = read("template.yaml");
    let (_, parameters) = template.split_once("\nParameters:\n").unwrap();
    let (parameters, _) = parameters.split_once("\nConditions:\n").unwrap();
    let mut wanted = BTreeMap::new();
    let mut name = String::new();
    for line in parameters.lines() {
        if let Some(own) = line.strip_prefix("  ").filter(|own| !own.starts_with(' ')) {
            name = own.trim_end_matches(':').to_owned();
            wanted.insert(name.clone(), String::new());
        } else if let Some(default) = line.strip_prefix("    Default: ") {
            wanted.insert(name.clone(), default.trim_matches('"').to_owned());
        }
    }
    let told: BTreeMap<_, _> = rows(section(&page, "Parameters"))
        .map(|cells| (cells[0].replace('`', ""), cells[1].replace('`', "")))
        .collect();
    assert_eq!(told, wanted, "docs/reference/template.md");

    let stores = ["DynamoDB::Table", "Kinesis::Stream", "S3::Bucket", "Serverless::HttpApi"];
    let wanted: BTreeSet<_> = resources()
        .into_iter()
        .filter(|(_, kind)| stores.iter().any(|store| kind.ends_with(store)))
        .map(|(name, _)| name)
        .collect();
    let told = rows(section(&page, "What there is")).flat_map(|cells| quoted(&cells[0])).collect();
    same("docs/reference/template.md", &told, &wanted);
}

#[test]
fn every_command_of_the_command_line_is_told() {
    let help = read("infra/programs/tests/cli/transcripts/help.txt");
    let (_, commands) = help.split_once("\nCommands:\n").unwrap();
    let names = commands.lines().take_while(|line| !line.is_empty());
    let names: BTreeSet<_> = names
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    let page = read("docs/reference/cli.md");
    let told = rows(section(&page, "Commands")).flat_map(|cells| quoted(&cells[0]));
    let told = told.filter_map(|command| command.split(' ').next().map(str::to_owned)).collect();
    same("docs/reference/cli.md", &told, &names);
}

#[test]
fn the_constants_that_limits_name_are_there() {
    let mut findings = Vec::new();
    let mut seen = 0;
    for line in read("docs/reference/limits.md").lines() {
        let Some((named, link)) = line.split_once("](../../") else { continue };
        let file = link.split(')').next().unwrap();
        let text = read(file);
        let source = named.rsplit("| ").next().unwrap();
        for name in quoted(source).into_iter().filter(|name| is_variable(name)) {
            seen += 1;
            if !text.contains(&format!("const {name}: ")) {
                findings.push(format!("{file} has no constant {name}"));
            }
        }
    }
    assert!(seen > 20, "only {seen} constants found");
    expect_none(&findings);
}

/// The sources of what runs: neither tests nor tools.
fn sources() -> impl Iterator<Item = std::path::PathBuf> {
    files(&["rs"]).into_iter().filter(|file| {
        let is_test = file.components().any(|part| part.as_os_str() == "tests")
            || file.file_name().unwrap() == "tests.rs";
        let is_tool = file.starts_with("infra/xtask") || file.starts_with("shared/testkit");
        let is_import = file.ends_with("bin/import.rs");
        is_import || (!is_test && !is_tool)
    })
}

/// The template's resources: name and type.
fn resources() -> Vec<(String, String)> {
    let template = read("template.yaml");
    let lines: Vec<&str> = template.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("  ").filter(|name| !name.starts_with(' '))?;
        let kind = pair[1].strip_prefix("    Type: ")?;
        Some((name.trim_end_matches(':').to_owned(), kind.to_owned()))
    });
    pairs.collect()
}

/// The names in quotes right after each `before`.
fn after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = String> + 'a {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned))
}

fn is_variable(name: &str) -> bool {
    name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn without_services(names: BTreeSet<String>) -> BTreeSet<String> {
    names.into_iter().filter(|name| !["Service", "Function"].contains(&name.as_str())).collect()
}

/// The section of a page under this heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The rows of a page's tables, without their heads.
fn rows(page: &str) -> impl Iterator<Item = Vec<String>> {
    let lines: Vec<&str> = page.lines().collect();
    let mut found = Vec::new();
    let mut is_body = false;
    for line in lines {
        let cells = line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        match line.trim() {
            line if line.starts_with("|---") => is_body = true,
            line if line.starts_with('|') && is_body => found.push(cells.collect()),
            line if line.starts_with('|') => {}
            _ => is_body = false,
        }
    }
    found.into_iter()
}

fn first_cells(page: &str) -> impl Iterator<Item = String> {
    rows(page).map(|cells| cells[0].clone())
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[track_caller]
fn same(page: &str, told: &BTreeSet<String>, wanted: &BTreeSet<String>) {
    let missing = wanted.difference(told).map(|name| format!("{page} lacks {name}"));
    let stale = told.difference(wanted).map(|name| format!("{page}: there is no {name} any more"));
    expect_none(&missing.chain(stale).collect::<Vec<_>>());
}

/// Those without members have nothing to fuzz.
#[test]
fn every_body_of_a_command_is_fuzzed() {
    let targets = read("tests/fuzz/src/commands.rs") + &read("tests/fuzz/targets/bodies.rs");
    let services = platform_functions::services();
    let calls = services.iter().flat_map(|service| service.calls());
    let bodies = calls.filter(|call| call.command.is_some()).filter_map(|call| call.body);
    let has_members = |body: &SchemaOf| {
        let schema = serde_json::to_value((body.schema)()).unwrap();
        schema["properties"].as_object().is_some_and(|members| !members.is_empty())
    };
    let names: BTreeSet<_> = bodies.filter(has_members).map(|body| (body.name)()).collect();
    let missing = names.iter().filter(|name| !targets.contains(&format!("::{name}>(")));
    let findings = missing.map(|name| format!("tests/fuzz/src/commands.rs: add {name}"));
    expect_none(&findings.collect::<Vec<_>>());
}
