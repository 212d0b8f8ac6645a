//! Mails through Amazon SES.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use hyper_util::client::legacy;

use super::message::{LONGEST_SEND, Mail, NotSent};

/// SES. The SDK's retries are off: one after a lost reply would be a second mail.
pub(super) struct Ses {
    client: Client,
}

impl Ses {
    /// A client from the environment.
    pub(super) async fn connect() -> Self {
        let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self::of(aws_sdk_sesv2::config::Builder::from(&shared))
    }

    fn of(config: aws_sdk_sesv2::config::Builder) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_timeout(LONGEST_SEND)
            .build();
        Self {
            client: Client::from_conf(
                config.retry_config(RetryConfig::disabled()).timeout_config(timeouts).build(),
            ),
        }
    }

    /// Sends a mail.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        let surely_not =
            |error: aws_sdk_sesv2::error::BuildError| NotSent::Surely(error.to_string());
        let raw = RawMessage::builder()
            .data(Blob::new(mail.message.formatted()))
            .build()
            .map_err(surely_not)?;
        // To the envelope's addresses alone, whatever the headers say.
        let to = mail.message.envelope().to().iter().map(ToString::to_string).collect();
        let request = self
            .client
            .send_email()
            .destination(Destination::builder().set_to_addresses(Some(to)).build())
            .content(EmailContent::builder().raw(raw).build());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_refusal(&error) => Err(NotSent::Surely(describe(&error))),
            Err(error) => Err(NotSent::Unknown(describe(&error))),
        }
    }
}

/// Whether SES has said no, or was never asked.
fn is_refusal<E>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        // A success that cannot be understood counts as one of these too.
        SdkError::ServiceError(service) => (400..500).contains(&service.raw().status().as_u16()),
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_some_and(|error| has_no_connection(error))
        }
        _ => false,
    }
}

/// Whether no connection came about, so that no request was written to one.
fn has_no_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error)
        .filter_map(|error| error.downcast_ref::<legacy::Error>())
        .any(legacy::Error::is_connect)
}

/// An error with all its causes.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::config::{BehaviorVersion, Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::mail::testing::mail;

    fn ses(endpoint: &str) -> Ses {
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("a", "b", None, None, "test"));
        Ses::of(config)
    }

    /// A server that answers every request with this status and body, or hangs up.
    async fn server(answer: Option<(u16, &'static str)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = Vec::new();
                // The body is an object, and comes last.
                while !request.ends_with(b"}")
                    && connection.read_buf(&mut request).await.unwrap() > 0
                {}
                if let Some((status, body)) = answer {
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: \
                         {length}\r\n\r\n"
                    );
                    connection.write_all((head + body).as_bytes()).await.unwrap();
                }
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn what_became_of_a_mail_is_told() {
        let surely = |sent: &Result<(), NotSent>| matches!(sent, Err(NotSent::Surely(_)));
        let unknown = |sent: &Result<(), NotSent>| matches!(sent, Err(NotSent::Unknown(_)));
        assert_eq!(
            ses(&server(Some((200, r#"{"MessageId": "m"}"#))).await).send(&mail(1)).await,
            Ok(())
        );
        for (status, body) in [(400, r#"{"message": "no"}"#), (429, "{}"), (403, "{}")] {
            let sent = ses(&server(Some((status, body))).await).send(&mail(1)).await;
            assert!(surely(&sent), "{status}: {sent:?}");
        }
        for answer in [Some((500, "{}")), Some((503, "{}")), Some((200, "not JSON")), None] {
            let sent = ses(&server(answer).await).send(&mail(1)).await;
            assert!(unknown(&sent), "{answer:?}: {sent:?}");
        }
    }

    #[tokio::test]
    async fn without_a_connection_nothing_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for endpoint in [format!("http://{address}"), "http://no-such-host.invalid".to_owned()] {
            let sent = ses(&endpoint).send(&mail(1)).await;
            assert!(matches!(sent, Err(NotSent::Surely(_))), "{endpoint}: {sent:?}");
        }
    }

    /// With the SDK's retries a lost reply would be a second mail.
    #[tokio::test]
    async fn a_mail_is_handed_over_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let accepted = tokio::spawn(async move {
            let mut accepted = 0;
            while let Ok(Ok((connection, _))) =
                tokio::time::timeout(Duration::from_secs(2), listener.accept()).await
            {
                accepted += 1;
                drop(connection);
            }
            accepted
        });
        assert!(ses(&endpoint).send(&mail(1)).await.is_err());
        assert_eq!(accepted.await.unwrap(), 1);
    }
}
