//! What takes a mail to its customer.

use std::time::Duration;

use headwater_dynamodb::EffectId;
use headwater_lambda::Error;
use lettre::Message;

use super::outbox::Outbox;
use super::ses::Ses;
use super::smtp::Smtp;

/// How long a transport may take to say what became of a mail.
pub(super) const LONGEST_SEND: Duration = Duration::from_secs(8);

/// A mail that is ready to be sent.
pub(super) struct Mail {
    /// Which event asks for it.
    pub(super) effect: EffectId,
    /// What is sent.
    pub(super) message: Message,
}

/// Why a mail was not sent, or nobody knows whether it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// It was surely not sent, and may be tried again.
    Surely(String),
    /// It may have been sent.
    Unknown(String),
}

/// One way to send mails.
pub(super) enum Transport {
    /// Amazon SES: what there is if nothing else is said.
    Ses(Ses),
    /// The server that `SMTP_URL` names.
    Smtp(Smtp),
    /// The folder that `MAIL_OUTBOX` names.
    Outbox(Outbox),
}

impl Transport {
    /// What the environment names.
    ///
    /// # Errors
    /// If `SMTP_URL` is none, or the folder cannot be made.
    pub(super) async fn from_env() -> Result<Self, Error> {
        if let Ok(url) = std::env::var("SMTP_URL") {
            return Ok(Self::Smtp(Smtp::new(&url)?));
        }
        if let Some(folder) = std::env::var_os("MAIL_OUTBOX") {
            return Ok(Self::Outbox(Outbox::open(folder.into())?));
        }
        Ok(Self::Ses(Ses::connect().await))
    }

    /// Sends a mail, once: a transport repeats nothing of which it does not know what became of it.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        match self {
            Self::Ses(ses) => ses.send(mail).await,
            Self::Smtp(smtp) => smtp.send(mail).await,
            Self::Outbox(outbox) => outbox.send(mail),
        }
    }
}
