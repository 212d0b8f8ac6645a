//! Whole streams as they are stored: whatever is in them, they fold to a state and a row, or to an
//! error.
#![no_main]

use headwater::{Aggregate, Commit, Folded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|history: &[u8]| {
    let Ok(commits) = serde_json::from_slice::<Vec<Commit>>(history) else { return };
    fold::<identity::User>(&commits);
    fold::<identity::Group>(&commits);
    fold::<identity::Membership>(&commits);
    fold::<licensing::Customer>(&commits);
    fold::<licensing::Playback>(&commits);
    fold::<licensing::Policy>(&commits);
    fold::<invoicing::Invoice>(&commits);
    fold::<invoicing::Customer>(&commits);
});

/// Folds them, and takes up the state from its snapshot after each commit.
fn fold<A: Aggregate + PartialEq + std::fmt::Debug>(commits: &[Commit]) {
    let mut folded = Folded::<A>::default();
    for commit in commits {
        if folded.apply(commit).is_err() {
            return;
        }
        let stored = serde_json::to_string(&folded.state).expect("a state is stored as JSON");
        assert_eq!(serde_json::from_str::<A>(&stored).expect("and read again"), folded.state);
    }
}
