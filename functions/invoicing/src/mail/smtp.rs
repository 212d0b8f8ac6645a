//! Mails through an SMTP server, one connection each.
//!
//! A server takes charge of a mail when it answers the end of its data with 250 (RFC 5321, section
//! 4.2.5). So whatever fails before that end was written, the mail was surely not sent; and if no
//! answer comes to it, nobody knows. `lettre`'s own transport does not say how far it got; its
//! connection does.

use std::time::Duration;

use headwater_lambda::Error;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

use super::message::{LONGEST_SEND, Mail, NotSent};

/// How long anybody waits for the answer to QUIT.
const FAREWELL: Duration = Duration::from_millis(200);

/// An SMTP server.
pub(super) struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
}

#[derive(Debug, PartialEq, Eq)]
enum Tls {
    None,
    /// STARTTLS, or nothing is sent.
    Required,
    /// From the first byte on.
    Wrapper,
}

impl Smtp {
    /// The server of a URL: `smtp://host:1025` without TLS,
    /// `smtp://user:password@host?tls=required` with STARTTLS, `smtps://user:password@host`. User
    /// and password are percent-encoded.
    ///
    /// # Errors
    /// If it is another URL. It is not told, for it may hold a password.
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        let url = Url::parse(url).map_err(|error| format!("SMTP_URL: {error}"))?;
        let host = url.host_str().ok_or("SMTP_URL names no host")?.to_owned();
        let wanted =
            url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let (tls, default_port) = match (url.scheme(), wanted.as_deref()) {
            ("smtp", None) => (Tls::None, SMTP_PORT),
            ("smtp", Some("required")) => (Tls::Required, SUBMISSION_PORT),
            ("smtps", None) => (Tls::Wrapper, SUBMISSIONS_PORT),
            _ => return Err("SMTP_URL is smtp://…, smtp://…?tls=required or smtps://…".into()),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = url
            .password()
            .map(|password| Credentials::new(decoded(url.username()), decoded(password)));
        Ok(Self { host, port: url.port().unwrap_or(default_port), tls, credentials })
    }

    /// Sends a mail.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        let ready = timeout(LONGEST_SEND / 2, self.ready_for_data(mail.message.envelope())).await;
        let mut connection = match ready {
            Ok(ready) => ready.map_err(|error| NotSent::Surely(error.to_string()))?,
            Err(_) => return Err(NotSent::Surely("the server is too slow".to_owned())),
        };
        match timeout(LONGEST_SEND / 2 - FAREWELL, connection.message(&mail.message.formatted()))
            .await
        {
            Ok(Ok(_)) => {
                timeout(FAREWELL, connection.quit()).await.ok();
                Ok(())
            }
            // Only an answer has a status, and this one says no.
            Ok(Err(error)) if error.status().is_some() => Err(NotSent::Surely(error.to_string())),
            Ok(Err(error)) => Err(NotSent::Unknown(error.to_string())),
            Err(_) => {
                Err(NotSent::Unknown("the server did not answer the end of the data".to_owned()))
            }
        }
    }

    /// A connection on which the server waits for the mail's data.
    async fn ready_for_data(
        &self,
        envelope: &Envelope,
    ) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let us = ClientId::default();
        let tls = || TlsParameters::new(self.host.clone());
        let from_the_start = if self.tls == Tls::Wrapper { Some(tls()?) } else { None };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.host.as_str(), self.port),
            None,
            &us,
            from_the_start,
            None,
        )
        .await?;
        if self.tls == Tls::Required {
            connection.starttls(tls()?, &us).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        // A server that cannot take other than ASCII addresses refuses the parameter. The data is
        // ASCII.
        let is_ascii = envelope
            .from()
            .into_iter()
            .chain(envelope.to())
            .all(|address| AsRef::<str>::as_ref(address).is_ascii());
        let parameters = if is_ascii { Vec::new() } else { vec![MailParameter::SmtpUtfEight] };
        connection.command(MailFrom::new(envelope.from().cloned(), parameters)).await?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        }
        connection.command(Data).await?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests;
