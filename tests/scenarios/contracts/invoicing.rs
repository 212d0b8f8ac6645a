//! What calls of invoicing cost.

use headwater_tests::costs::{Case, Service, Step, Text, call, get, send};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::invoicing::support::{INVOICES, invoice, item, mail, payment};

const CUSTOMERS: &str = "/invoicing/customers";

pub(super) fn service() -> Service {
    Service {
        name: "invoicing",
        commands: commands(),
        queries: queries(),
        story: story(),
        handlers: &["invoicing-project", "invoicing-send-mail"],
    }
}

fn at(what: &str) -> String {
    format!("{INVOICES}/i/{what}")
}

fn draft(id: &str, lines: usize) -> Step {
    send("POST", INVOICES, invoice(id, &vec![item(); lines]))
}

fn add_line() -> Step {
    send("POST", &at("line-items"), item())
}

fn issue() -> Step {
    call("POST", &at("issue"))
}

fn deliver() -> Step {
    send("POST", &at("send"), mail())
}

fn pay(reference: &str) -> Step {
    send("POST", &at("payments"), payment("1.00", reference))
}

fn customer(id: &str) -> Step {
    send(
        "POST",
        CUSTOMERS,
        json!({ "id": id, "name": "Ada", "email": format!("{id}@example.com") }),
    )
}

fn patch_customer(body: Value) -> Step {
    send("PATCH", "/invoicing/customers/ada", body)
}

fn execute(command: &str, payload: Value) -> Step {
    send(
        "POST",
        "/invoicing/execute",
        json!({ "command": command, "aggregateId": "i", "payload": payload }),
    )
}

fn void() -> Step {
    call("POST", &at("void"))
}

fn erase() -> Step {
    call("POST", &at("erase"))
}

fn erase_customer() -> Step {
    call("POST", &format!("{CUSTOMERS}/ada/erase"))
}

fn settle(outcome: &str) -> Step {
    send("POST", "/invoicing/mails/i/9/settle", json!({ "outcome": outcome }))
}

/// Nobody knows whether the mail of this event of invoice `i` was sent, as if its process had died:
/// the mail, and its entry in the list.
fn waiting_mail(event: u64) -> Vec<Step> {
    let (stream, place) = ("{tenant}/invoicing/invoices/i", format!("{event:020}"));
    let keys = [
        (format!("mail/{stream}"), place.clone()),
        ("waiting/mail".to_owned(), format!("{stream}#{place}")),
    ];
    let item = |(pk, sk)| json!({ "pk": pk, "sk": sk, "s": "unknown", "o": Uuid::nil(), "n": 1 });
    keys.map(|keys| Step::Item("EffectsTable", item(keys))).to_vec()
}

fn commands() -> Vec<Case> {
    let other = || vec![draft("h", 1)];
    let drafted = || vec![draft("h", 1), draft("i", 1)];
    // Another invoice has taken a number before, so the sequence has begun.
    let numbered =
        || vec![draft("h", 1), call("POST", &format!("{INVOICES}/h/issue")), draft("i", 1)];
    let issued = || [numbered(), vec![issue()]].concat();
    let waiting = || [issued(), waiting_mail(9)].concat();
    let bolt = || json!({ "name": "Bolt", "email": "pay@bolt.example" });
    let on_version = json!({ "name": "Bolt", "email": "pay@bolt.example", "version": 6 });
    let dearer = json!({
        "description": "Consulting",
        "quantity": "2",
        "unitPrice": "13.00",
        "taxRate": "0.19",
    });
    let customers = || vec![customer("bob"), customer("ada")];
    vec![
        Case::new(draft("i", 2), &other()).note("with two lines"),
        Case::new(draft("i", 50), &other()).note("with 50 lines"),
        Case::new(send("PUT", &at("customer"), bolt()), &drafted()),
        Case::new(send("PUT", &at("customer"), on_version), &drafted())
            .meanwhile(&[add_line()])
            .note("decided on a version since which a line came"),
        Case::new(send("PUT", &at("currency"), json!({ "currency": "USD" })), &drafted()),
        Case::new(add_line(), &drafted()),
        Case::new(add_line(), &drafted())
            .meanwhile(&[send("PUT", &at("customer"), bolt())])
            .note("overtaken: one conflict"),
        Case::new(send("PUT", &at("line-items/1"), dearer), &drafted()),
        Case::new(call("DELETE", &at("line-items/1")), &drafted()),
        Case::new(issue(), &numbered()),
        Case::new(issue(), &other()).answers(404).note("of what there is not"),
        Case::new(deliver(), &issued()).note("and the mail"),
        Case::new(pay("one"), &issued()),
        Case::new(pay("one"), &[issued(), vec![pay("one")]].concat()).note("once more"),
        Case::new(void(), &issued()),
        Case::new(call("DELETE", &format!("{INVOICES}/i")), &drafted()),
        Case::new(erase(), &[issued(), vec![void()]].concat()),
        Case::new(customer("ada"), &[customer("bob")]),
        Case::new(customer("bob"), &[customer("bob")]).answers(409).note("that is there"),
        Case::new(patch_customer(json!({ "name": "Lady Lovelace" })), &customers()),
        Case::new(patch_customer(json!({ "email": "lovelace@example.com" })), &customers())
            .note("to another email"),
        Case::new(erase_customer(), &customers()),
        Case::new(execute("AddLineItem", item()), &drafted()).note("`AddLineItem`"),
        Case::new(execute("IssueInvoice", json!({})), &numbered()).note("`IssueInvoice`"),
        Case::new(settle("DONE"), &waiting()).unconditional().note("as done"),
        Case::new(settle("TRY_AGAIN"), &waiting()).unconditional().note("to be tried again"),
    ]
}

fn queries() -> Vec<Case> {
    let of_one = json!({
        "id": "i",
        "customer": { "id": "ada", "name": "Ada", "email": "ada@example.com" },
        "currency": "EUR",
        "lineItems": [item()],
    });
    let all = || vec![customer("ada"), send("POST", INVOICES, of_one.clone()), issue(), pay("one")];
    let voided = || vec![draft("i", 1), issue(), void()];
    let one = format!("{INVOICES}/i");
    let token = |step: Step| step.header("consistency-token", Text::LastToken);
    let revenue = "/invoicing/reports/revenue";
    vec![
        Case::new(get(&one), &all()),
        Case::new(token(get(&one)), &all()).note("with a token that the row has reached"),
        Case::new(token(get(&one)), &all())
            .meanwhile(&[pay("two")])
            .note("with one that it has not reached"),
        Case::new(get(&format!("{one}?version=4")), &all()).note("as it was"),
        Case::new(get(&at("document")), &all()),
        Case::new(get(INVOICES), &all()),
        Case::new(get(&format!("{INVOICES}?status=ISSUED")), &all()).note("of a status"),
        Case::new(get(&format!("{INVOICES}?customerId=ada")), &all()).note("of a customer"),
        Case::new(token(get(INVOICES)), &all())
            .meanwhile(&[pay("two")])
            .note("with a token that the rows have not reached"),
        Case::new(get(&format!("{CUSTOMERS}/ada")), &all()),
        Case::new(get(CUSTOMERS), &all()),
        Case::new(get(&format!("{CUSTOMERS}?email=ada@example.com")), &all()).note("by email"),
        Case::new(get(&format!("{CUSTOMERS}/ada/export")), &all()),
        Case::new(
            get(&format!("{CUSTOMERS}/ada/certificate")),
            &[customer("ada"), erase_customer()],
        ),
        Case::new(get(&at("certificate")), &[voided(), vec![erase()]].concat()),
        Case::new(get(revenue), &all()).note("of 30 days"),
        Case::new(get(&format!("{revenue}?by=month")), &all()).note("of 12 months"),
        Case::new(get("/invoicing/mails"), &[vec![customer("ada")], waiting_mail(9)].concat()),
        Case::new(get("/invoicing/changes"), &all()),
    ]
}

fn story() -> Vec<Case> {
    let mut number = 0;
    let mut commit = |call| {
        number += 1;
        Case::new(call, &[draft(&format!("other-{number}"), 1)])
    };
    let of = |id: &str, what: &str| call("POST", &format!("{INVOICES}/{id}/{what}"));
    vec![
        commit(draft("i", 2)).note("with two lines"),
        commit(add_line()),
        commit(send(
            "PUT",
            &at("customer"),
            json!({ "name": "Bolt", "email": "pay@bolt.example" }),
        )),
        commit(issue()),
        commit(deliver()).note("with the mail"),
        commit(pay("one")),
        commit(draft("j", 50)).note("with 50 lines"),
        commit(of("j", "issue")),
        commit(of("j", "void")),
        commit(of("j", "erase")),
        commit(draft("k", 1)).note("with a line"),
        commit(call("DELETE", &format!("{INVOICES}/k"))),
        commit(customer("ada")),
        commit(patch_customer(json!({ "email": "lovelace@example.com" }))).note("to another email"),
        commit(erase_customer()),
    ]
}
