use std::sync::Arc;

use headwater_lambda::problem::PROBLEM_TYPES;
use headwater_lambda::{Answer, Call, Function, Problem, Service, Shape};
use maud::{DOCTYPE, html};

/// What the page of a problem says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProblemPage {
    /// The last part of the problem's `type`.
    pub(crate) name: &'static str,
    /// The status of its answers.
    pub(crate) status: u16,
    /// One short sentence.
    pub(crate) title: &'static str,
    /// What it means, and what to do.
    pub(crate) help: &'static str,
}

/// The pages of all problems that any call can have, and of those of these services: of their own
/// and of their rules.
pub(crate) fn pages<'a>(services: impl IntoIterator<Item = &'a Service>) -> Vec<ProblemPage> {
    let (own, rules): (Vec<_>, Vec<_>) =
        services.into_iter().map(|service| (&service.problems, service.rules())).unzip();
    let kinds = PROBLEM_TYPES.iter().chain(own.into_iter().flatten()).map(|kind| ProblemPage {
        name: kind.name,
        status: kind.status,
        title: kind.title,
        help: kind.help,
    });
    let rules = rules.into_iter().flatten().map(|rule| ProblemPage {
        name: rule.name,
        status: 409,
        title: rule.title,
        help: rule.help,
    });
    kinds.chain(rules).collect()
}

/// `GET /problems/{name}`: what the `type` of a problem leads to.
pub(crate) fn problems(pages: Vec<ProblemPage>) -> Function {
    let call =
        Call::public("problems", "/problems/{name}", "What a problem's type means and what to do.");
    let call = call.in_path(
        "name",
        Shape::one_of(pages.iter().map(|page| page.name)),
        "The last part of the problem's `type`.",
    );
    let pages = Arc::new(pages);
    Function::http(call, move |_, request| {
        let page = pages.iter().find(|page| page.name == request.path("name")).copied();
        async move {
            let page = page.ok_or_else(|| Problem::not_found("such problem"))?;
            Answer::html(200, html_of(page)).document().unless_known(&request)
        }
    })
}

fn html_of(ProblemPage { name, status, title, help }: ProblemPage) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (name) }
                style {
                    "body { max-width: 40em; margin: 4em auto; padding: 0 1em; "
                    "font: 1.1em/1.6 system-ui } code { font-size: .95em }"
                }
            }
            body {
                p { code { (status) " /problems/" (name) } }
                h1 { (title) }
                p { (help) }
            }
        }
    };
    page.into_string()
}
