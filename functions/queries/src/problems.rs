use headwater_lambda::problem::PROBLEM_TYPES;
use headwater_lambda::{Answer, Call, Function, Problem, Shape};
use maud::{DOCTYPE, html};

/// `GET /problems/{name}`: what the `type` of a problem leads to.
pub fn problems() -> Function {
    let call =
        Call::public("problems", "/problems/{name}", "What a problem's type means and what to do.");
    let call = call.in_path(
        "name",
        Shape::one_of(known().map(|(name, ..)| name)),
        "The last part of the problem's `type`.",
    );
    Function::http(call, |_, request| async move {
        let name = request.path("name");
        let (name, status, title, help) = known()
            .find(|(known, ..)| *known == name)
            .ok_or_else(|| Problem::not_found("such problem"))?;
        Answer::html(200, page(name, status, title, help)).document().unless_known(&request)
    })
}

/// Name, status, title and help of all kinds of problem and of all rules.
fn known() -> impl Iterator<Item = (&'static str, u16, &'static str, &'static str)> {
    let kinds = PROBLEM_TYPES.iter().chain(licensing_functions::PROBLEM_TYPES);
    let rules = identity::RULES.iter().chain(licensing::RULES).chain(invoicing::RULES);
    let rules = rules.map(|rule| (rule.name, 409, rule.title, rule.help));
    kinds.map(|kind| (kind.name, kind.status, kind.title, kind.help)).chain(rules)
}

fn page(name: &str, status: u16, title: &str, help: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (name) }
                style {
                    "body { max-width: 40em; margin: 4em auto; padding: 0 1em; font: 1.1em/1.6 system-ui } code { font-size: .95em }"
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
