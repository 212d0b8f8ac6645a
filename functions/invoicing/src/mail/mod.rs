//! Mails to customers: one for each `InvoiceSent` event, never a second one without a person.
//!
//! | part | what |
//! |---|---|
//! | this file | from a batch of the commits stream to the events that ask for a mail |
//! | `deliver` | lease, send, mark (`docs/reference/mail.md` says what is promised) |
//! | `compose` | what the customer gets |
//! | `waiting` | what a person sees and says of the mails that wait |
//! | `message` | a mail on its way, and what can become of it |
//! | `transport` | SES, SMTP or a folder, and what each knows of a mail that did not go well |

mod compose;
mod deliver;
mod message;
mod outbox;
mod roles;
mod ses;
mod smtp;
#[cfg(test)]
mod testing;
mod transport;
mod waiting;

use std::slice;
use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::streams::KinesisEventResponse;
use headwater::{Commit, Event, decode};
use headwater_dynamodb::{Carried, EffectId};
use headwater_kinesis::CommitRecord;
use headwater_lambda::deployment::Source;
use headwater_lambda::{App, Caller, Error, Function, Problem, Request, metric};
use invoicing::{DOMAIN, InvoiceEvent, invoice, mail};
use tokio::sync::OnceCell;

use self::compose::Wanted;
use self::deliver::{Mailer, metric_of};
pub(crate) use self::waiting::{list_waiting_mails, settle_mail};

/// Commits stream → mails to customers. A record whose mail is neither sent nor waiting for a
/// person comes again; in the meantime the others of its batch are seen to all the same.
pub(crate) fn send_mail() -> Function {
    // Opened by the first mail, since most batches have none.
    let mailer: Arc<OnceCell<Mailer>> = Arc::default();
    let source = Source {
        batch: 50,
        retries: 2,
        // Time for one mail that hangs.
        timeout: 20,
        ..Source::commits("Mails are a minute late.")
    };
    Function::stream(
        "invoicing-send-mail",
        source,
        &roles::SEND_MAIL,
        move |app: Arc<App>, event: KinesisEvent, deadline: Instant| {
            let mailer = Arc::clone(&mailer);
            async move {
                let mut failed = Vec::new();
                for record in &event.records {
                    let sequence = &record.kinesis.sequence_number;
                    let comes_again = send_mails_of(&app, &mailer, record, deadline)
                        .await
                        .unwrap_or_else(|error| {
                            tracing::error!(%error, sequence, "will be tried again");
                            metric(DOMAIN, metric_of(Carried::Later), 1.0);
                            true
                        });
                    if comes_again {
                        failed.push(sequence.clone());
                    }
                }
                let mut answer = KinesisEventResponse::default();
                answer.set_failures(failed);
                Ok::<_, Error>(answer)
            }
        },
    )
    .variable(("MAIL_FROM", "!Ref MailFrom"))
}

/// Sees to the mails that a record asks for, and says whether it has to come again. An event of a
/// newer build may ask for one that only that build can send: then it comes again until it has met
/// that build.
async fn send_mails_of(
    app: &App,
    mailer: &OnceCell<Mailer>,
    record: &KinesisEventRecord,
    deadline: Instant,
) -> Result<bool, Error> {
    let record: CommitRecord = match serde_json::from_slice(&record.kinesis.data) {
        Ok(record) => record,
        Err(error) => {
            // The projector counts it; it will never be readable.
            tracing::error!(
                %error,
                sequence = record.kinesis.sequence_number,
                "a record cannot be read",
            );
            return Ok(false);
        }
    };
    if record.stream.domain() != DOMAIN || record.stream.category() != invoice::CATEGORY {
        return Ok(false);
    }
    let Some(mut commit) = commit(app, record, deadline).await.map_err(describe)? else {
        return Ok(false);
    };
    let own_request = request(&commit, deadline);
    if commit.has(mail::ASKED_BY) {
        app.store(&own_request).map_err(describe)?.open(slice::from_mut(&mut commit)).await?;
    }
    let mut comes_again = false;
    if let Some(newer) = mail::unknown(&commit) {
        tracing::warn!(stream = %commit.stream, %newer, "left to a newer build");
        metric(DOMAIN, "MailsLeftToNewerBuild", 1.0);
        return Ok(true);
    }
    if InvoiceEvent::FORGETS.is_some_and(|forgets| commit.has(forgets)) {
        forget_mails(app, &own_request, &commit).await.map_err(describe)?;
    }
    for event in commit.events.iter().filter(|event| event.event_type == mail::ASKED_BY) {
        let InvoiceEvent::InvoiceSent { subject, message, email } = decode(event)? else {
            continue;
        };
        // Of whom is forgotten, there is nobody to send a mail to.
        let (Some(subject), Some(message), Some(email)) =
            (subject.into_known(), message.into_known(), email.into_known())
        else {
            continue;
        };
        let effect = EffectId { stream: commit.stream.clone(), number: event.number };
        let mailer = mailer.get_or_try_init(Mailer::from_env).await?;
        let carried =
            mailer.deliver(app, &own_request, Wanted { effect, subject, message, email }).await;
        let carried = carried.map_err(describe)?;
        metric(DOMAIN, metric_of(carried), 1.0);
        comes_again |= carried == Carried::Later;
    }
    Ok(comes_again)
}

/// Drops what is known of an invoice's mails, since it may name whom they were for. None of them is
/// sent any more.
async fn forget_mails(app: &App, request: &Request, last: &Commit) -> Result<(), Problem> {
    let commits = app.store(request)?.commits_until(&last.stream, last.first).await?;
    let effects = deliver::effects(app, request)?;
    for number in commits.iter().flat_map(mail::asked_for) {
        effects.forget(&EffectId { stream: last.stream.clone(), number }).await?;
    }
    Ok(())
}

/// The commit that a record announces, read if it was too large to be in the record.
async fn commit(
    app: &App,
    record: CommitRecord,
    deadline: Instant,
) -> Result<Option<Commit>, Problem> {
    let CommitRecord { stream, last, commit } = record;
    if commit.is_some() {
        return Ok(commit);
    }
    let caller = caller(stream.tenant());
    let request = Request::internal(caller, jiff::Timestamp::UNIX_EPOCH, String::new(), deadline);
    Ok(app.store(&request)?.commits_page(&stream, last.saturating_sub(1), 1).await?.pop())
}

/// The request that the commit came from, as far as the commit says.
fn request(commit: &Commit, deadline: Instant) -> Request {
    Request::internal(
        caller(commit.stream.tenant()),
        commit.at,
        commit.metadata.correlation_id.clone(),
        deadline,
    )
}

fn caller(tenant: &str) -> Caller {
    Caller { tenant: tenant.to_owned(), subject: "mail".to_owned(), roles: Vec::new() }
}

fn describe(problem: Problem) -> Error {
    format!("{problem:?}").into()
}
