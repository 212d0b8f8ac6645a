//! Once an hour: commits that are older than their aggregate's retention move from the events table
//! to the archive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater::Domains;
use headwater_dynamodb::Archiver;
use headwater_lambda::deployment::{EVENTS_TABLE, Role, Statement};
use headwater_lambda::{App, Function, metric};
use jiff::{SignedDuration, Timestamp};

/// As [`Aggregate::RETENTION`](headwater::Aggregate::RETENTION) says why.
const SHORTEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// So long before its deadline a run stops: what it has begun is completed.
const RESERVE: Duration = Duration::from_secs(60);

/// Schedule → archive. A day's pass goes through the whole events table, in as many runs as it
/// takes.
///
/// | metric | |
/// |---|---|
/// | `ArchivedCommits` | commits that were moved |
/// | `ArchivedBytes` | the bytes of their items in the events table |
///
/// # Panics
/// If an aggregate has a retention that is too short.
pub(crate) fn archive(domains: Domains) -> Function {
    for aggregate in domains.iter().flat_map(|domain| domain.aggregates) {
        let is_enough = aggregate.retention.is_none_or(|retention| retention >= SHORTEST);
        assert!(is_enough, "RETENTION of {} is under 30 days", aggregate.category);
    }
    Function::each_hour(
        "archive",
        &ARCHIVE,
        move |app: Arc<App>, now: Timestamp, deadline: Instant| {
            let domains = domains.clone();
            async move {
                let store = app.whole_store()?;
                let archiver = Archiver::new(store, domains, now)
                    .ok_or("ARCHIVE_TABLE or ARCHIVE_BUCKET is not set")?;
                let moved =
                    archiver.go_on(deadline.checked_sub(RESERVE).unwrap_or(deadline)).await?;
                tracing::info!(?moved, "archived");
                metric("pipeline", "ArchivedCommits", moved.commits as f64);
                metric("pipeline", "ArchivedBytes", moved.bytes as f64);
                Ok(())
            }
        },
    )
}

/// The only role that may delete commits.
static ARCHIVE: Role = Role {
    name: "Archive",
    variables: &[EVENTS_TABLE],
    statements: &[
        Statement {
            actions: &["dynamodb:Scan", "dynamodb:DeleteItem"],
            resources: &["!GetAtt EventsTable.Arn"],
        },
        Statement {
            actions: &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            resources: &["!GetAtt ArchiveTable.Arn"],
        },
        Statement {
            actions: &["s3:GetObject", "s3:PutObject"],
            resources: &["!Sub ${ArchiveBucket.Arn}/*"],
        },
    ],
};

#[cfg(test)]
mod tests {
    use headwater::{Aggregate, AggregateFn, Domain, Event, aggregate_fn};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum CoinEvent {
        Tossed {},
    }

    impl Event for CoinEvent {}

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Coin {}

    impl Aggregate for Coin {
        type Event = CoinEvent;
        const DOMAIN: &'static str = "mint";
        const CATEGORY: &'static str = "coins";
        const REVISION: u32 = 1;

        fn evolve(&mut self, CoinEvent::Tossed {}: &CoinEvent, _: Timestamp) {}
    }

    const fn coins(hours: i64) -> AggregateFn {
        let retention = Some(SignedDuration::from_hours(hours));
        AggregateFn { retention, ..aggregate_fn::<Coin>() }
    }

    static LONG: Domain = Domain::new("mint", &[coins(30 * 24)], &[]);
    static SHORT: Domain = Domain::new("mint", &[coins(30 * 24 - 1)], &[]);

    #[test]
    fn thirty_days_are_enough() {
        assert_eq!(archive(Domains::new([&LONG])).name, "archive");
    }

    #[test]
    #[should_panic(expected = "RETENTION of coins is under 30 days")]
    fn a_retention_that_is_too_short_ends_the_start() {
        archive(Domains::new([&SHORT]));
    }
}
