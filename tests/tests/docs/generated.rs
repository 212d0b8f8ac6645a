//! The pages of calls and problems are those of the services. With `BLESS=1` in the environment
//! they are written anew.

use headwater_lambda::Service;
use headwater_lambda::problem::{PROBLEM_TYPES, ProblemType};
use headwater_tests::measured::Table;

use crate::{read, root};

#[test]
fn the_page_of_calls_is_that_of_the_services() {
    let services = platform_functions::services();
    let tables = services.iter().filter(|service| service.calls().next().is_some()).map(calls_of);
    check("docs/reference/calls.md", tables);
}

#[test]
fn the_page_of_problems_is_that_of_the_services() {
    let services = platform_functions::services();
    let of_any_call = problems("any call", PROBLEM_TYPES.iter().map(|kind| row_of(kind)));
    let of_services = services.iter().filter(|service| !service.rules().is_empty());
    let of_services = of_services.map(|service| {
        let rules = service.rules().into_iter();
        let rules = rules.map(|rule| row(rule.name, 409, rule.title, rule.help));
        problems(service.name, service.problems.iter().map(|kind| row_of(kind)).chain(rules))
    });
    check("docs/reference/problems.md", std::iter::once(of_any_call).chain(of_services));
}

fn calls_of(service: &Service) -> Table {
    let rows = service.calls().map(|call| {
        vec![
            format!("`{} {}`", call.method, call.path),
            call.access.role().unwrap_or("none needed").to_owned(),
            format!("`{}`", call.function),
            call.summary.to_owned(),
        ]
    });
    Table::new(&format!("calls of {}", service.name), &["call", "role", "function", "what"], rows)
}

fn problems(of: &str, rows: impl Iterator<Item = Vec<String>>) -> Table {
    Table::new(&format!("problems of {of}"), &["name", "status", "title", "what to do"], rows)
}

fn row_of(kind: &ProblemType) -> Vec<String> {
    row(kind.name, kind.status, kind.title, kind.help)
}

fn row(name: &str, status: u16, title: &str, help: &str) -> Vec<String> {
    vec![format!("`{name}`"), status.to_string(), title.to_owned(), help.to_owned()]
}

fn check(page: &str, tables: impl Iterator<Item = Table>) {
    let written = read(page);
    let wanted = tables.fold(written.clone(), |text, table| table.put_into(&text).unwrap());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(page), wanted).unwrap();
        return;
    }
    let missing: Vec<_> = wanted.lines().filter(|line| !written.contains(line)).collect();
    assert!(
        written == wanted,
        "{page} is stale: write it anew with BLESS=1. What it lacks:\n{}",
        missing.join("\n")
    );
}
