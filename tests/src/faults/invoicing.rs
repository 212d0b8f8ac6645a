//! What a client does with invoices.

use anyhow::Result;
use serde_json::{Value, json};

use super::command::{Command, Effect};
use super::session::Session;

/// How many drafts, issued invoices and customers a client keeps at a time.
const KEPT: usize = 4;

#[derive(Clone, Copy)]
pub(super) enum Step {
    Draft,
    SetCustomer,
    SetCurrency,
    AddLineItem,
    ChangeLineItem,
    RemoveLineItem,
    Execute,
    Issue,
    Delete,
    Send,
    Pay,
    Void,
    EraseInvoice,
    CreateCustomer,
    RenameCustomer,
    EraseCustomer,
    SettleMail,
    ReadDraft,
    ReadIssued,
    ReadDocument,
    ListInvoices,
    ReadCertificate,
    ReadCustomer,
    ExportCustomer,
    CertifyCustomer,
    ListCustomers,
    ReadRevenue,
    ListMails,
    ReadChanges,
}

/// All of them.
pub(super) const STEPS: [Step; 29] = [
    Step::Draft,
    Step::SetCustomer,
    Step::SetCurrency,
    Step::AddLineItem,
    Step::ChangeLineItem,
    Step::RemoveLineItem,
    Step::Execute,
    Step::Issue,
    Step::Delete,
    Step::Send,
    Step::Pay,
    Step::Void,
    Step::EraseInvoice,
    Step::CreateCustomer,
    Step::RenameCustomer,
    Step::EraseCustomer,
    Step::SettleMail,
    Step::ReadDraft,
    Step::ReadIssued,
    Step::ReadDocument,
    Step::ListInvoices,
    Step::ReadCertificate,
    Step::ReadCustomer,
    Step::ExportCustomer,
    Step::CertifyCustomer,
    Step::ListCustomers,
    Step::ReadRevenue,
    Step::ListMails,
    Step::ReadChanges,
];

/// The invoices of one client, and whom they are for.
#[derive(Default)]
pub(super) struct Invoicing {
    drafts: Vec<String>,
    issued: Vec<String>,
    customers: Vec<String>,
}

impl Invoicing {
    pub(super) async fn step(&mut self, step: Step, session: &mut Session) -> Result<()> {
        match step {
            Step::Draft if self.drafts.len() >= KEPT => {
                self.take_draft(Step::Delete, session).await
            }
            Step::Draft => self.draft(session).await,
            Step::Delete | Step::Issue => self.take_draft(step, session).await,
            Step::Send
            | Step::Pay
            | Step::Void
            | Step::EraseInvoice
            | Step::ReadIssued
            | Step::ReadDocument
            | Step::ReadCertificate => self.on_issued(step, session).await,
            Step::CreateCustomer
            | Step::RenameCustomer
            | Step::EraseCustomer
            | Step::ReadCustomer
            | Step::ExportCustomer
            | Step::CertifyCustomer => self.on_customer(step, session).await,
            Step::ListInvoices => session.look("/invoicing/invoices?status=ISSUED&limit=20").await,
            Step::ListCustomers => session.look("/invoicing/customers?limit=20").await,
            Step::ReadRevenue => session.look("/invoicing/reports/revenue?by=month").await,
            Step::ListMails => session.look("/invoicing/mails").await,
            Step::ReadChanges => session.look("/invoicing/changes?limit=20").await,
            Step::SettleMail => {
                // There is no such mail, which is an answer.
                let command = Command::new(
                    "POST",
                    "/invoicing/mails/none/1/settle",
                    "invoicing/invoices/none",
                );
                session
                    .command(command.body(json!({ "outcome": "DONE" })).may_be_missing())
                    .await
                    .map(|_| ())
            }
            _ => self.on_draft(step, session).await,
        }
    }

    async fn draft(&mut self, session: &mut Session) -> Result<()> {
        let id = session.name("invoice");
        let customer = json!({ "name": "Ada", "email": "ada@example.com" });
        let body = json!({
            "id": id,
            "customer": customer,
            "currency": "EUR",
            "lineItems": [line_item("Consulting"), line_item("Travel")],
        });
        if session
            .command(Command::new("POST", "/invoicing/invoices", stream(&id)).body(body))
            .await?
            .is_some()
        {
            self.drafts.push(id);
        }
        Ok(())
    }

    async fn on_draft(&mut self, step: Step, session: &mut Session) -> Result<()> {
        let Some(id) = session.rng.choice(&self.drafts).cloned() else {
            return self.draft(session).await;
        };
        let (path, stream, name) = (path(&id), stream(&id), session.name("Name"));
        let command = |method, what: &str, body| {
            Command::new(method, format!("{path}/{what}"), stream.as_str()).body(body)
        };
        let command = match step {
            Step::SetCustomer => {
                command("PUT", "customer", json!({ "name": name, "email": "ada@example.com" }))
            }
            Step::SetCurrency => {
                let currency = if session.rng.bool() { "USD" } else { "EUR" };
                command("PUT", "currency", json!({ "currency": currency })).effect(Effect::Perhaps)
            }
            Step::AddLineItem => command("POST", "line-items", line_item(&name)),
            // Another request may have removed it.
            Step::ChangeLineItem => {
                command("PUT", "line-items/1", line_item(&name)).may_be_missing()
            }
            Step::RemoveLineItem => command("DELETE", "line-items/2", Value::Null)
                .effect(Effect::Perhaps)
                .may_be_missing(),
            Step::Execute => {
                let body = json!({
                    "command": "AddLineItem",
                    "aggregateId": id,
                    "payload": line_item(&name),
                });
                Command::new("POST", "/invoicing/execute", stream.as_str()).body(body)
            }
            _ => return session.read(&path, &stream).await.map(|_| ()),
        };
        session.command(command).await.map(|_| ())
    }

    /// The draft ends: whether it did is not known where no answer comes, so it is not asked for
    /// again.
    async fn take_draft(&mut self, step: Step, session: &mut Session) -> Result<()> {
        if self.drafts.is_empty() {
            return self.draft(session).await;
        }
        let id = self.drafts.swap_remove(session.rng.usize(..self.drafts.len()));
        if matches!(step, Step::Delete) {
            return session
                .command(Command::new("DELETE", path(&id), stream(&id)))
                .await
                .map(|_| ());
        }
        if session
            .command(Command::new("POST", format!("{}/issue", path(&id)), stream(&id)))
            .await?
            .is_some()
        {
            self.issued.truncate(KEPT - 1);
            self.issued.insert(0, id);
        }
        Ok(())
    }

    async fn on_issued(&mut self, step: Step, session: &mut Session) -> Result<()> {
        let Some(id) = session.rng.choice(&self.issued).cloned() else {
            return self.take_draft(Step::Issue, session).await;
        };
        let (path, stream) = (path(&id), stream(&id));
        let command = |what: &str| Command::new("POST", format!("{path}/{what}"), stream.as_str());
        let command = match step {
            Step::Send => {
                command("send").body(json!({ "subject": "Your invoice", "message": "Please pay." }))
            }
            Step::Pay => command("payments").body(json!({
                "amount": "1.00",
                "at": "2026-01-01T00:00:00Z",
                "reference": session.name("payment"),
            })),
            Step::Void => command("void").effect(Effect::Perhaps),
            // Of one that is open it is refused.
            Step::EraseInvoice => command("erase").effect(Effect::Perhaps),
            Step::ReadDocument => return session.look(&format!("{path}/document")).await,
            Step::ReadCertificate => return session.look(&format!("{path}/certificate")).await,
            _ => return session.read(&path, &stream).await.map(|_| ()),
        };
        session.command(command).await.map(|_| ())
    }

    async fn on_customer(&mut self, step: Step, session: &mut Session) -> Result<()> {
        let Some(id) = session.rng.choice(&self.customers).cloned() else {
            return self.create_customer(session).await;
        };
        let (path, stream) =
            (format!("/invoicing/customers/{id}"), format!("invoicing/customers/{id}"));
        match step {
            Step::RenameCustomer => {
                let name = session.name("Name");
                session
                    .command(Command::new("PATCH", path, stream).body(json!({ "name": name })))
                    .await
                    .map(|_| ())
            }
            // Whether it was erased is not known where no answer comes: it is not asked for again.
            Step::EraseCustomer => {
                self.customers.retain(|kept| *kept != id);
                let command = Command::new("POST", format!("{path}/erase"), stream);
                session.command(command).await.map(|_| ())
            }
            Step::ReadCustomer => session.read(&path, &stream).await.map(|_| ()),
            Step::ExportCustomer => session.look(&format!("{path}/export")).await,
            Step::CertifyCustomer => session.look(&format!("{path}/certificate")).await,
            _ => self.create_customer(session).await,
        }
    }

    async fn create_customer(&mut self, session: &mut Session) -> Result<()> {
        let id = session.name("customer");
        let body = json!({ "id": id, "name": "Ada", "email": format!("{id}@example.com") });
        if session
            .command(
                Command::new("POST", "/invoicing/customers", format!("invoicing/customers/{id}"))
                    .body(body),
            )
            .await?
            .is_some()
        {
            self.customers.truncate(KEPT - 1);
            self.customers.insert(0, id);
        }
        Ok(())
    }
}

fn path(id: &str) -> String {
    format!("/invoicing/invoices/{id}")
}

fn stream(id: &str) -> String {
    format!("invoicing/invoices/{id}")
}

fn line_item(description: &str) -> Value {
    json!({ "description": description, "quantity": "2", "unitPrice": "12.50", "taxRate": "0.19" })
}
