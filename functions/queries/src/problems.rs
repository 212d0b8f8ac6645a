use headwater_lambda::problem::PROBLEM_TYPES;
use headwater_lambda::{Answer, Call, Function, Problem};
use maud::{DOCTYPE, html};

/// `GET /problems/{name}`: what the `type` of a problem leads to.
pub fn problems() -> Function {
    let call = Call::public("problems", "/problems/{name}", "What a problem's type means and what to do.");
    Function::http(call, |_, request| async move {
        let name = request.path("name");
        let kinds = PROBLEM_TYPES.iter().chain(licensing_functions::PROBLEM_TYPES);
        let kinds = kinds.map(|kind| (kind.name, kind.status, kind.title, kind.help));
        let rules =
            identity::RULES.iter().chain(licensing::RULES).chain(invoicing::RULES).map(|rule| (rule.name, 409, rule.title, rule.help));
        let found = kinds.chain(rules).find(|(known, ..)| *known == name);
        let (name, status, title, help) = found.ok_or_else(|| Problem::not_found("such problem"))?;
        Ok(Answer::html(200, page(name, status, title, help)))
    })
}

fn page(name: &str, status: u16, title: &str, help: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (name) }
                style { "body { max-width: 40em; margin: 4em auto; padding: 0 1em; font: 1.1em/1.6 system-ui } code { font-size: .95em }" }
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
