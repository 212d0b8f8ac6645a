//! What was sent and how it was answered.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Reply;

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many commands were answered, by kind and answer.
    pub answers: BTreeMap<(&'static str, String), u64>,
    /// How many were not sent, since the model could not tell the answer: something ended at about
    /// that moment.
    pub skipped: u64,
    /// How often all that the service shows of a customer was compared with the model.
    pub audits: u64,
    /// How many commands were sent twice under the same Idempotency-Key, and answered the same.
    pub keyed: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Tally {
    pub(super) fn count(&mut self, kind: &'static str, reply: &Reply) {
        let problem = reply.body["type"].as_str().and_then(|name| name.strip_prefix("/problems/"));
        let provisional =
            (reply.body["provisional"] == true && kind == "acquire").then_some("provisional");
        let answer = problem
            .or(provisional)
            .map_or_else(|| reply.status.to_string(), |name| format!("{} {name}", reply.status));
        *self.answers.entry((kind, answer)).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: Self) {
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
        self.skipped += other.skipped;
        self.audits += other.audits;
        self.keyed += other.keyed;
    }

    /// How many commands were answered.
    pub fn commands(&self) -> u64 {
        self.answers.values().sum()
    }

    /// How many commands were refused.
    pub fn refused(&self) -> u64 {
        self.answers
            .iter()
            .filter(|((_, answer), _)| !answer.starts_with('2'))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many answers have this text, such as `409 device-limit`.
    pub fn answered(&self, text: &str) -> u64 {
        self.answers.iter().filter(|((_, answer), _)| answer == text).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| command | answer | count |\n|---|---|---:|")?;
        for ((kind, answer), count) in &self.answers {
            writeln!(f, "| {kind} | {answer} | {count} |")?;
        }
        let seconds = self.elapsed.as_secs_f64();
        let (commands, refused) = (self.commands(), self.refused());
        writeln!(
            f,
            "\n{commands} commands, {refused} of them refused, in {seconds:.0} s: {:.0} a second.",
            commands as f64 / seconds
        )?;
        write!(
            f,
            "{} customers' views compared, {} commands repeated under their key, {} not sent \
             since something ended just then.",
            self.audits, self.keyed, self.skipped
        )
    }
}
