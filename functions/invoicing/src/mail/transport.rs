//! What takes a mail to its customer.

use headwater_lambda::Error;

use super::message::{Mail, NotSent};
use super::outbox::Outbox;
use super::ses::Ses;
use super::smtp::Smtp;

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
