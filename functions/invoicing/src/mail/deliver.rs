//! One mail: leased, sent, marked.

use std::time::{Duration, Instant};

use headwater_dynamodb::{AfterFailure, Effects, Granted, Lease};
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

/// How far a mail has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It was sent just now.
    Sent,
    /// It had been sent before.
    Done,
    /// It waits for a person.
    Waiting,
    /// Its record has to come again.
    Later,
}

impl Delivery {
    /// The metric that counts it.
    pub(super) fn metric(self) -> &'static str {
        match self {
            Self::Sent => "MailsSent",
            Self::Done => "MailsSentBefore",
            Self::Waiting => "MailsWaiting",
            Self::Later => "MailsToTryAgain",
        }
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
    ) -> Result<Delivery, Problem> {
        if request.deadline.saturating_duration_since(Instant::now()) < LONGEST_DELIVERY {
            return Ok(Delivery::Later);
        }
        let effect = wanted.effect.clone();
        let invoice = app.row_at::<InvoiceRow>(request, &effect.stream, effect.number).await?;
        let invoice = invoice.ok_or_else(|| Problem::internal("the event is not in its stream"))?;
        let message = compose(&self.from, &wanted, &invoice, request.now);
        let effects = effects(app, request)?;
        let granted = match effects.lease(effect.clone(), LEASE).await? {
            Lease::Granted(granted) => granted,
            Lease::Done => return Ok(Delivery::Done),
            Lease::Busy => return Ok(Delivery::Later),
            Lease::Waiting => return Ok(Delivery::Waiting),
        };
        match message {
            Ok(message) => {
                mark(&effects, &granted, self.transport.send(&Mail { effect, message }).await).await
            }
            Err(error) => {
                tracing::error!(?granted, %error, "a mail cannot be written");
                Ok(effects.refused(&granted, &error.to_string()).await?.into())
            }
        }
    }
}

/// The mails, as effects.
pub(super) fn effects(app: &App, request: &Request) -> Result<Effects, Problem> {
    app.effects(request, mail::HANDLER)
}

/// Marks what became of a mail.
async fn mark(
    effects: &Effects,
    granted: &Granted,
    sent: Result<(), NotSent>,
) -> Result<Delivery, Problem> {
    match sent {
        Ok(()) => {
            effects.done(granted).await?;
            Ok(Delivery::Sent)
        }
        Err(NotSent::Surely(error)) => {
            tracing::warn!(?granted, error, "a mail was not sent");
            Ok(effects.failed(granted, &error, PAUSE).await?.into())
        }
        Err(NotSent::Unknown(error)) => {
            tracing::error!(?granted, error, "whether a mail was sent is not known");
            Ok(effects.unknown(granted, &error).await?.into())
        }
    }
}

impl From<AfterFailure> for Delivery {
    fn from(after: AfterFailure) -> Self {
        match after {
            AfterFailure::TryAgain => Self::Later,
            AfterFailure::Waiting => Self::Waiting,
        }
    }
}
