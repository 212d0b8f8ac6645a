//! The mails that wait for a person: which they are, and what the person found out.

use std::time::Duration;

use garde::Validate;
use headwater::StreamName;
use headwater_dynamodb::{EffectId, Settlement, Standing, Waiting, WhyWaiting};
use headwater_kinesis::CommitRecord;
use headwater_lambda::problem::{MALFORMED, OUTCOME_UNKNOWN};
use headwater_lambda::{Answer, App, Call, Function, Page, Problem, Request, Shape};
use invoicing::invoice;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deliver::effects;
use super::roles;

/// How long the stream may take to take a record.
const STREAM_BUDGET: Duration = Duration::from_secs(3);

/// A mail that waits for a person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WaitingMail {
    /// Whose invoice.
    invoice_id: String,
    /// The number of the `InvoiceSent` event that asks for it.
    event: u64,
    /// Why it waits.
    why: Why,
    /// How often it was tried.
    tries: u32,
    /// What was said last; nothing if the process died while it was sending.
    error: Option<String>,
    /// Since when it waits; null where an older build put it aside.
    #[schema(value_type = Option<String>, format = "date-time")]
    since: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Why {
    /// It was surely not sent, however often it was tried, or can never be sent as it is.
    Failed,
    /// It may have been sent.
    Unknown,
    /// It was settled as `TRY_AGAIN` and has yet to be tried. If that takes minutes, settle it once
    /// more.
    AskedFor,
}

/// `POST /invoicing/mails/{id}/{event}/settle`: what a person found out about a mail that waits.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettleMail {
    /// `DONE`: it was sent, or is not to be. `TRY_AGAIN`: it was not sent, and is to be.
    #[garde(skip)]
    outcome: Outcome,
    /// `since` of the mail in the list. If it was tried since then and waits anew, the answer is
    /// 404. Without it, whatever it waits for now is settled.
    #[garde(skip)]
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date-time")]
    since: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    Done,
    TryAgain,
}

/// A mail that was settled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettledMail {
    /// Whose invoice.
    invoice_id: String,
    /// The number of the event.
    event: u64,
    /// What was said of it.
    outcome: Outcome,
}

/// `GET /invoicing/mails`
pub(crate) fn list_waiting_mails() -> Function {
    let call = Call::list::<WaitingMail>(
        "invoicing-list-waiting-mails",
        "/invoicing/mails",
        "The mails that wait for a person.",
    );
    Function::http(call.operator().apart_from_streams(), |app, request| async move {
        let limit = request.limit()?;
        let after =
            request.cursor()?.after().map(|after| after_mail(&request, after)).transpose()?;
        // One more than is shown tells whether there are more.
        let mut waiting = effects(&app, &request)?
            .waiting(Some(request.tenant()), after.as_ref(), limit + 1)
            .await?;
        let goes_on = waiting.len() > limit;
        waiting.truncate(limit);
        let place = |mail: &Waiting| format!("{}/{}", mail.effect.stream.id(), mail.effect.number);
        let last = waiting.last().filter(|_| goes_on).map(place);
        let items = waiting.into_iter().map(|mail| (place(&mail), WaitingMail::from(mail)));
        Answer::page(&request, None, Page::of(items, last)?)
    })
    .role(&roles::WAITING_MAILS)
}

/// `POST /invoicing/mails/{id}/{event}/settle`
pub(crate) fn settle_mail() -> Function {
    let path = "/invoicing/mails/{id}/{event}/settle";
    let call = Call::command(
        "invoicing-settle-mail",
        "POST",
        path,
        "Say what became, or is to become, of a mail that waits.",
    )
    .in_path("event", Shape::version(), "The number of the `InvoiceSent` event that asks for it.")
    .body::<SettleMail>()
    .answer::<SettledMail>()
    .operator()
    .apart_from_streams();
    Function::http(call, |app, request| async move {
        let SettleMail { outcome, since } = request.json()?;
        let number = request.path("event").parse().map_err(|_| not_waiting())?;
        let effect =
            EffectId { stream: invoice::stream(request.tenant(), request.path("id"))?, number };
        let settlement =
            if outcome == Outcome::Done { Settlement::Done } else { Settlement::TryAgain };
        let effects = effects(&app, &request)?;
        let settled = match since {
            Some(since) => effects.settle_since(&effect, since, settlement).await?,
            None => effects.settle(&effect, settlement).await?,
        };
        // Whoever settles a mail again, since the reply was lost, says nothing new.
        let is_done = async || Ok::<_, Problem>(effects.standing(&effect).await? == Standing::Done);
        let is_so = settled || (outcome == Outcome::Done && is_done().await?);
        if !is_so {
            return Err(not_waiting());
        }
        if outcome == Outcome::TryAgain {
            // It is listed until that record leads to a try, so nothing is lost if the stream does
            // not take it.
            ring(&app, &effect).await?;
        }
        tracing::info!(?effect, actor = request.caller.subject, "a mail was settled");
        Ok(Answer::json(
            200,
            &SettledMail { invoice_id: effect.stream.id().to_owned(), event: number, outcome },
        ))
    })
    .role(&roles::SETTLE_MAIL)
}

/// Puts the record of the event again, without its commit, which its reader reads itself.
async fn ring(app: &App, effect: &EffectId) -> Result<(), Problem> {
    let record =
        CommitRecord::doorbell(effect.stream.clone(), effect.number).map_err(Problem::internal)?;
    let published = app
        .publisher("COMMITS_STREAM")
        .map_err(Problem::internal)?
        .publish_one(record, STREAM_BUDGET)
        .await;
    published.map_err(|_| {
        Problem::new(
            &OUTCOME_UNKNOWN,
            "The mail waits still, as asked for; make the call again for it to be sent.",
        )
    })
}

/// The mail that a cursor names as `<invoice>/<event>`.
fn after_mail(request: &Request, after: &str) -> Result<EffectId, Problem> {
    let foreign = || Problem::new(&MALFORMED, "`cursor` is one of another list");
    let (id, number) = after.split_once('/').ok_or_else(foreign)?;
    let stream: StreamName = invoice::stream(request.tenant(), id).map_err(|_| foreign())?;
    Ok(EffectId { stream, number: number.parse().map_err(|_| foreign())? })
}

fn not_waiting() -> Problem {
    Problem::not_found("such mail that waits")
}

impl From<Waiting> for WaitingMail {
    fn from(Waiting { effect, why, tries, error, since }: Waiting) -> Self {
        let why = match why {
            WhyWaiting::Failed => Why::Failed,
            WhyWaiting::Unknown => Why::Unknown,
            WhyWaiting::AskedFor => Why::AskedFor,
        };
        Self {
            invoice_id: effect.stream.id().to_owned(),
            event: effect.number,
            why,
            tries,
            error,
            since,
        }
    }
}
