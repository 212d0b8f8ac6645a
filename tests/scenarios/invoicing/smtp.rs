use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How a mail server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It takes every mail.
    Take,
    /// It knows no recipient.
    Refuse,
    /// It takes every mail and hangs up instead of saying so.
    TakeInSilence,
}

/// A mail server.
pub(super) struct Smtp {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    way: Mutex<Way>,
    refused: AtomicUsize,
    taken: AtomicUsize,
}

impl Smtp {
    /// Starts one on loopback. It ends with the test's runtime.
    pub(super) async fn start(way: Way) -> Result<Self> {
        Self::start_at(way, "127.0.0.1:0").await
    }

    /// Starts one at an address of loopback.
    pub(super) async fn start_at(way: Way, address: &str) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let url = format!("smtp://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            way: Mutex::new(way),
            refused: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        });
        let server = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // An error is somebody hanging up.
                serve(BufReader::new(connection), &server).await.ok();
            }
        });
        Ok(Self { url, shared })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Behaves in another way from now on.
    pub(super) fn go(&self, way: Way) {
        *self.shared.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    /// How many recipients were refused.
    pub(super) fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// How many mails were taken, whatever was said of it.
    pub(super) fn taken(&self) -> usize {
        self.shared.taken.load(Ordering::Relaxed)
    }
}

async fn serve(mut connection: BufReader<TcpStream>, shared: &Shared) -> Result<()> {
    say(&mut connection, "220 here").await?;
    loop {
        let line = hear(&mut connection).await?;
        let way = *shared.way.lock().unwrap_or_else(PoisonError::into_inner);
        match line.get(..4).unwrap_or_default() {
            "RCPT" if way == Way::Refuse => {
                shared.refused.fetch_add(1, Ordering::Relaxed);
                say(&mut connection, "550 no such mailbox").await?;
            }
            "DATA" => {
                say(&mut connection, "354 go on").await?;
                while hear(&mut connection).await? != ".\r\n" {}
                shared.taken.fetch_add(1, Ordering::Relaxed);
                if way == Way::TakeInSilence {
                    return Ok(());
                }
                say(&mut connection, "250 taken").await?;
            }
            _ => say(&mut connection, "250 fine").await?,
        }
    }
}

async fn say(connection: &mut BufReader<TcpStream>, line: &str) -> Result<()> {
    Ok(connection.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?)
}

async fn hear(connection: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    anyhow::ensure!(connection.read_line(&mut line).await? > 0, "hung up");
    Ok(line)
}
