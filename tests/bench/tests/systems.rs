//! That what is measured is what it says: the systems are right, and cost what a report would say.

use std::path::Path;

use anyhow::Result;
use headwater_bench::effort::Effort;
use headwater_bench::measure::{correctness, histories, hot_stream};
use headwater_bench::systems::{Kind, fresh_server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_headwater-bench");

#[tokio::test]
async fn every_system_finds_what_was_written_but_for_one() -> Result<()> {
    let (_server, clients) = fresh_server(Path::new(PROGRAM)).await?;
    let found = correctness::measure(&clients).await?;
    assert_eq!(found.len(), Kind::ALL.iter().filter(|kind| kind.has_state()).count());
    let wrong: Vec<Kind> = found
        .iter()
        .filter(|found| found.found != found.expected)
        .map(|found| found.kind)
        .collect();
    // cqrs-es 0.5 folds an event into its snapshot that it has folded into the state before. Should
    // it be mended, docs/explanation/benchmark.md says too much.
    assert_eq!(wrong, [Kind::CqrsEsSnapshots]);
    Ok(())
}

#[tokio::test]
async fn commands_cost_what_they_should_at_any_length() -> Result<()> {
    let effort = Effort { rounds: 1, commands: 2, lengths: vec![10, 200], ..Effort::quick() };
    for cell in histories::measure(Path::new(PROGRAM), &effort).await? {
        let spent = cell.measured.map_err(anyhow::Error::msg)?.spent;
        let spent = (spent.calls, spent.reads, spent.writes);
        let expected = match cell.kind {
            Kind::BarePut | Kind::Warm => (1.0, 0.0, 1.0),
            Kind::Cold => (2.0, 1.0, 1.0),
            Kind::Keyed => (1.0, 0.0, 4.0),
            // The peers' cost is their own affair; but nobody writes for less than the floor.
            _ => {
                assert!(spent.0 >= 1.0 && spent.2 >= 1.0, "{:?} {spent:?}", cell.kind);
                continue;
            }
        };
        assert_eq!(spent, expected, "{:?} at {}", cell.kind, cell.length);
    }
    Ok(())
}

#[tokio::test]
async fn no_command_of_ours_is_lost_on_a_hot_stream() -> Result<()> {
    let hot =
        hot_stream::measure(Path::new(PROGRAM), &Effort { rounds: 1, ..Effort::quick() }).await?;
    let ours = hot.iter().find(|hot| hot.kind == Kind::Warm).expect("it is measured");
    assert!(ours.committed > 0);
    assert!(ours.balances.iter().all(|(expected, found)| expected == found), "{:?}", ours.balances);
    Ok(())
}
