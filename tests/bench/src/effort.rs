//! How much of everything is measured.

use std::time::Duration;

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Effort {
    /// How often each measurement is repeated, all in turn.
    pub rounds: u64,
    /// How many commands each round times, for each system at each length of history.
    pub commands: u64,
    /// The lengths of history, in events.
    pub lengths: Vec<u64>,
    /// How long each system is given for all the commands that it can carry out.
    pub spell: Duration,
    /// How many clients there are at once.
    pub clients: Vec<usize>,
    /// How many commits are watched until their rows can be seen.
    pub watched: u64,
    /// How many events there are to build rows from.
    pub events: u64,
    /// How often each program is started.
    pub starts: u64,
}

impl Effort {
    /// What a report is made of: some ten minutes.
    pub fn full() -> Self {
        Self {
            rounds: 10,
            commands: 20,
            lengths: vec![0, 10, 100, 1_000, 10_000],
            spell: Duration::from_secs(1),
            clients: vec![1, 8, 32],
            watched: 200,
            events: 20_000,
            starts: 30,
        }
    }

    /// Whether it all works, with figures that are worth little: less than a minute.
    pub fn quick() -> Self {
        Self {
            rounds: 2,
            commands: 10,
            lengths: vec![0, 10, 100],
            spell: Duration::from_millis(300),
            clients: vec![1, 8],
            watched: 10,
            events: 1_000,
            starts: 3,
        }
    }
}
