//! What is known of a mail, wherever a server fails.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::mail::testing::mail;

/// At which point a server fails, and how: it answers so, or hangs up.
type Failure = (&'static str, Option<&'static str>);

/// What a server got: the command lines, and each mail's data.
#[derive(Default)]
struct Seen {
    commands: Vec<String>,
    data: Vec<String>,
}

/// A server that answers as it should but for one failure.
async fn server(failure: Option<Failure>) -> (Smtp, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // An error is the client hanging up, or the failure wanted.
            serve(connection, failure, &kept).await.ok();
        }
    });
    (Smtp::new(&url).unwrap(), seen)
}

async fn serve(
    connection: TcpStream,
    failure: Option<Failure>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    reply(&mut connection, failure, "CONNECT", "220 here").await?;
    loop {
        let line = line(&mut connection).await?;
        let verb = line.split([' ', '\r']).next().unwrap_or_default().to_owned();
        seen.lock().unwrap().commands.push(line.trim_end().to_owned());
        match verb.as_str() {
            "DATA" => {
                reply(&mut connection, failure, "DATA", "354 go on").await?;
                let mut data = String::new();
                while !data.ends_with("\r\n.\r\n") {
                    data += &self::line(&mut connection).await?;
                }
                seen.lock().unwrap().data.push(data);
                reply(&mut connection, failure, ".", "250 taken").await?;
            }
            verb => reply(&mut connection, failure, verb, "250 fine").await?,
        }
    }
}

async fn line(connection: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    match connection.read_line(&mut line).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

async fn reply(
    connection: &mut BufReader<TcpStream>,
    failure: Option<Failure>,
    point: &str,
    usual: &str,
) -> std::io::Result<()> {
    let answer = match failure {
        Some((at, Some(answer))) if at == point => answer,
        Some((at, None)) if at == point => return Err(std::io::ErrorKind::ConnectionAborted.into()),
        _ => usual,
    };
    connection.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await
}

#[tokio::test]
async fn a_mail_that_is_taken_was_sent() {
    let (smtp, seen) = server(None).await;
    assert_eq!(smtp.send(&mail(8)).await, Ok(()));
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.commands[1..4],
        ["MAIL FROM:<billing@acme.example>", "RCPT TO:<ada@example.com>", "DATA"]
    );
    assert!(seen.data.len() == 1 && seen.data[0].contains("\r\nThank you.\r\n"), "{:?}", seen.data);
}

/// The answer to the end of the data is what counts, whatever happens to the goodbye.
#[tokio::test]
async fn a_server_that_fails_after_it_took_the_mail_has_taken_it() {
    for failure in [("QUIT", None), ("QUIT", Some("421 tired"))] {
        let (smtp, _) = server(Some(failure)).await;
        assert_eq!(smtp.send(&mail(8)).await, Ok(()), "{failure:?}");
    }
}

#[tokio::test]
async fn before_the_end_of_the_data_a_mail_was_surely_not_sent() {
    for failure in [
        ("CONNECT", None),
        ("CONNECT", Some("554 not you")),
        ("EHLO", None),
        ("MAIL", Some("550 no such sender")),
        ("MAIL", None),
        ("RCPT", Some("550 no such mailbox")),
        ("RCPT", Some("450 busy")),
        ("RCPT", Some("nonsense")),
        ("RCPT", None),
        ("DATA", Some("451 later")),
        ("DATA", None),
        // The mail was refused as a whole.
        (".", Some("552 too large")),
        (".", Some("451 later")),
    ] {
        let (smtp, _) = server(Some(failure)).await;
        let sent = smtp.send(&mail(8)).await;
        assert!(matches!(sent, Err(NotSent::Surely(_))), "{failure:?}: {sent:?}");
    }
}

#[tokio::test]
async fn without_an_answer_to_the_end_of_the_data_nobody_knows() {
    for failure in [(".", None), (".", Some("nonsense")), (".", Some("250-and so on"))] {
        let (smtp, seen) = server(Some(failure)).await;
        let sent = smtp.send(&mail(8)).await;
        assert!(matches!(sent, Err(NotSent::Unknown(_))), "{failure:?}: {sent:?}");
        assert_eq!(seen.lock().unwrap().data.len(), 1, "it was handed over once");
    }
}

#[tokio::test]
async fn without_a_server_a_mail_was_surely_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    for url in [&url, "smtp://no-such-host.invalid"] {
        let sent = Smtp::new(url).unwrap().send(&mail(8)).await;
        assert!(matches!(sent, Err(NotSent::Surely(_))), "{url}: {sent:?}");
    }
}

/// Where TLS is required, a server without it gets neither the password nor the mail.
#[tokio::test]
async fn without_the_tls_that_is_required_nothing_is_sent() {
    let (plain, seen) = server(None).await;
    for scheme in
        ["smtp://user:secret@127.0.0.1:{}?tls=required", "smtps://user:secret@127.0.0.1:{}"]
    {
        let url = scheme.replace("{}", &plain.port.to_string());
        let sent = Smtp::new(&url).unwrap().send(&mail(8)).await;
        assert!(matches!(sent, Err(NotSent::Surely(_))), "{scheme}: {sent:?}");
    }
    let seen = seen.lock().unwrap();
    assert!(
        seen.data.is_empty() && seen.commands.iter().all(|command| !command.starts_with("AUTH")),
        "{:?}",
        seen.commands
    );
}

#[test]
fn a_url_names_a_server() {
    let of =
        |url: &str| Smtp::new(url).map(|smtp| (smtp.host, smtp.port, smtp.tls, smtp.credentials));
    let credentials = Some(Credentials::new("me@acme".to_owned(), "a/b".to_owned()));
    assert_eq!(
        of("smtp://localhost:1025").unwrap(),
        ("localhost".to_owned(), 1025, Tls::None, None)
    );
    assert_eq!(
        of("smtp://me%40acme:a%2Fb@mail.acme.example?tls=required").unwrap(),
        ("mail.acme.example".to_owned(), 587, Tls::Required, credentials.clone())
    );
    assert_eq!(
        of("smtps://me%40acme:a%2Fb@mail.acme.example").unwrap(),
        ("mail.acme.example".to_owned(), 465, Tls::Wrapper, credentials)
    );
    for wrong in
        ["", "localhost:25", "http://localhost", "smtp://localhost?tls=opportunistic", "smtp:///x"]
    {
        let error = of(wrong).unwrap_err().to_string();
        assert!(error.starts_with("SMTP_URL"), "{wrong}: {error}");
    }
}
