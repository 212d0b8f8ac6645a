//! `streams tail`, which has no end.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Machine, domains, history};

/// What has been written so far.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// The numbers of the events that it shows.
    fn numbers(&self) -> Vec<u64> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["number"].as_u64().unwrap())
            .collect()
    }

    async fn shows(&self, numbers: impl Iterator<Item = u64>) {
        let (expected, started) = (numbers.collect::<Vec<_>>(), Instant::now());
        while self.numbers() != expected {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{:?}, not {expected:?}",
                self.numbers()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn events_are_shown_as_they_come() {
    let machine = Machine::start().await;
    let commits = history("invoicing/invoice");
    let tail = |after: &str| {
        let line = format!(
            "headwater streams tail acme/invoicing/invoices/1 --json --local={}{after}",
            machine.platform
        );
        let screen = Screen::default();
        let mut out = screen.clone();
        let arguments: Vec<_> = line.split(' ').map(Into::into).collect();
        let running = tokio::spawn(async move {
            headwater_admin::run(domains(), arguments, &mut out, &mut io::sink()).await
        });
        (screen, running)
    };
    let (screen, running) = tail("");
    machine.append(&commits[..3]).await;
    let head = commits[2].last();
    screen.shows(1..=head).await;
    machine.append(&commits[3..]).await;
    let end = commits.last().unwrap().last();
    screen.shows(1..=end).await;
    assert!(!running.is_finished());
    running.abort();

    let (screen, running) = tail("");
    screen.shows(end - 9..=end).await;
    running.abort();
    let (screen, running) = tail(" --after 17");
    screen.shows(18..=end).await;
    running.abort();
}
