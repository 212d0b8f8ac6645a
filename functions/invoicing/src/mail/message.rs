//! A mail on its way, and what can become of it.

use std::time::Duration;

use headwater_dynamodb::EffectId;
use lettre::Message;

/// How long a transport may take to say what became of a mail.
pub(super) const LONGEST_SEND: Duration = Duration::from_secs(8);

/// A mail that is ready to be sent.
pub(super) struct Mail {
    /// Which event asks for it.
    pub(super) effect: EffectId,
    /// What is sent.
    pub(super) message: Message,
}

/// Why a mail was not sent, or why that is unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// It was surely not sent, and may be tried again.
    Surely(String),
    /// It may have been sent.
    Unknown(String),
}
