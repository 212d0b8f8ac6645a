//! One mail: leased, sent, marked.

use std::time::{Duration, Instant};

use headwater_dynamodb::{Carried, Effects, NotDone};
use headwater_lambda::{App, Error, Problem, Request};
use invoicing::{InvoiceRow, mail};
use lettre::message::Mailbox;

use super::compose::{Wanted, compose, read_sender};
use super::message::{LONGEST_SEND, Mail, NotSent};
use super::transport::Transport;

/// A lease outlasts the function, which the template gives 20 seconds.
const LEASE: Duration = Duration::from_secs(25);

/// With these pauses the last try comes five minutes after the first, which most outages of a mail
/// server do not outlive.
const PAUSE: Duration = Duration::from_secs(20);

/// How much time there must be to begin with a mail: to lease, to send and to mark it.
const LONGEST_DELIVERY: Duration = Duration::from_secs(3).saturating_add(LONGEST_SEND);

/// The metric that counts how far a mail has got.
pub(super) fn metric_of(carried: Carried) -> &'static str {
    match carried {
        Carried::Out => "MailsSent",
        Carried::OutBefore => "MailsSentBefore",
        Carried::Waiting => "MailsWaiting",
        Carried::Later => "MailsToTryAgain",
    }
}

/// Sends mails.
pub(super) struct Mailer {
    transport: Transport,
    from: Mailbox,
}

impl Mailer {
    /// The transport and the sender that the environment names.
    ///
    /// # Errors
    /// If `MAIL_FROM` is no address, or the transport cannot be opened.
    pub(super) async fn from_env() -> Result<Self, Error> {
        let from = std::env::var("MAIL_FROM").map_err(|_| "MAIL_FROM is not set")?;
        let from =
            read_sender(&from).map_err(|error| format!("MAIL_FROM is no address: {error}"))?;
        Ok(Self { transport: Transport::from_env().await?, from })
    }

    /// Sees to one mail. Between lease and mark it is only sent: all else that can go wrong has to
    /// go wrong before.
    ///
    /// # Errors
    /// If a store does not answer; the record has to come again.
    pub(super) async fn deliver(
        &self,
        app: &App,
        request: &Request,
        wanted: Wanted,
    ) -> Result<Carried, Problem> {
        if request.deadline.saturating_duration_since(Instant::now()) < LONGEST_DELIVERY {
            return Ok(Carried::Later);
        }
        let effect = wanted.effect.clone();
        let invoice = app.row_at::<InvoiceRow>(request, &effect.stream, effect.number).await?;
        let invoice = invoice.ok_or_else(|| Problem::internal("the event is not in its stream"))?;
        let message = compose(&self.from, &wanted, &invoice, request.now);
        let send = async {
            // One that cannot be written never can be.
            let message = message.map_err(|error| NotDone::Never(error.to_string()))?;
            let sent = self.transport.send(&Mail { effect: wanted.effect, message }).await;
            sent.map_err(|not_sent| match not_sent {
                NotSent::Surely(error) => NotDone::Surely(error),
                NotSent::Unknown(error) => NotDone::Unknown(error),
            })
        };
        Ok(effects(app, request)?.carry_out(effect, LEASE, PAUSE, send).await?)
    }
}

/// The mails, as effects.
pub(super) fn effects(app: &App, request: &Request) -> Result<Effects, Problem> {
    app.effects(request, mail::HANDLER)
}
