//! What holds of every decision, in whatever state a random history ends.

use headwater::{Command, Folded, Snapshot};
use licensing::*;
use proptest::prelude::*;

use crate::histories::{self, steps, wanted, world};
use crate::model::Model;
use crate::world::{Step, World};

proptest! {
    /// What leaves the state is missed by no decision: each is as if everything were kept and
    /// counted anew.
    #[test]
    fn every_answer_is_that_of_a_model_that_forgets_nothing(steps in steps()) {
        let (mut world, mut model) = (World::new(), Model::default());
        for step in &steps {
            // A grant may be refused, by a limit of 0 alone; what it is then made of is looked at
            // below.
            let answer = world.step(step);
            let is_about_a_customer = !matches!(
                step,
                Step::Wait(_) | Step::Policy(_) | Step::Grant(..),
            );
            if is_about_a_customer {
                prop_assert_eq!(
                    answer,
                    model.step(step, &world.policy, &world.grants, world.now),
                    "{:?}",
                    step,
                );
            }
        }
    }

    #[test]
    fn an_allowance_counts_what_the_model_counts(steps in steps(), wanted in wanted()) {
        let (mut world, mut model) = (World::new(), Model::default());
        for step in &steps {
            let _ = world.step(step);
            let _ = model.step(step, &world.policy, &world.grants, world.now);
        }
        let LicenseRequest { title_id, studio_id, device_id } = wanted.clone();
        let check = Check {
            title_id: Some(title_id),
            studio_id: Some(studio_id),
            device_id: Some(device_id),
        };
        let allowance = allowance(world.customer(), &world.policy.policy, &check, world.now);
        let counts: Vec<usize> = allowance.rules.iter().map(|rule| rule.count as usize).collect();
        prop_assert_eq!(counts, model.counts(&wanted, None, world.now).to_vec());
        prop_assert_eq!(
            allowance.allowed,
            world.step(&Step::Acquire("new".into(), wanted)).is_ok(),
        );
    }

    /// Where a snapshot is read instead of the history, everything goes on the same.
    #[test]
    fn a_snapshot_replaces_the_history(before in world(), after in steps()) {
        let mut loaded = before.clone();
        loaded.folded = from_snapshot(&before);
        prop_assert_eq!(&loaded.folded.state, before.customer());
        let mut folded = before;
        for step in &after {
            prop_assert_eq!(loaded.step(step), folded.step(step));
        }
        prop_assert_eq!(loaded.customer(), folded.customer());
    }

    /// Renewing asks for more each time; everything else, once more, is so already.
    #[test]
    fn a_command_once_more_appends_nothing(mut world in world(), step in histories::step()) {
        let first = world.step(&step);
        let again = world.step(&step);
        let is_renewal = matches!(step, Step::Renew(..));
        prop_assert!(
            is_renewal || first.is_err() || again == Ok(vec![]),
            "{:?}, then {:?}",
            first,
            again,
        );
    }

    /// A year later nothing counts any more, and nothing but the licences that were renewed so far
    /// is left.
    #[test]
    fn what_no_rule_needs_leaves_the_state(mut world in world()) {
        world.now += windows::YEAR;
        world.policy = PolicyInForce::default();
        let request = crate::world::request("a", "s", "d1");
        let counts = AcquireLicense {
            license_id: "new".into(),
            earlier: None,
            request,
            policy: world.policy.clone(),
        };
        let _ = world.execute(&counts);
        let state = serde_json::to_value(world.customer()).unwrap();
        prop_assert_eq!(
            (&state["downloads"], &state["deactivations"]),
            (&serde_json::Value::Null, &serde_json::Value::Null),
        );
        for (id, license) in state["licenses"].as_object().into_iter().flatten() {
            let ends_at = world.customer().license(&id.into()).unwrap().ends_at();
            prop_assert!(world.now.duration_since(ends_at) < windows::KEPT, "{id}: {license}");
        }
    }

    #[test]
    fn a_policy_is_as_it_was_put_and_again_nothing_changes(
        before in histories::policy(),
        wanted in histories::policy(),
    ) {
        let mut world = World::new();
        let _ = world.step(&Step::Policy(before));
        let _ = world.step(&Step::Policy(wanted.clone()));
        prop_assert_eq!(&world.policy.policy, &wanted.0);
        prop_assert_eq!(wanted.decide(&world.policy.policy, &world.context()), Ok(vec![]));
    }
}

/// The customer as it is loaded when the newest commit carries a snapshot.
fn from_snapshot(world: &World) -> Folded<Customer> {
    let Some(mut newest) = world.commits.last().cloned() else { return Folded::default() };
    let state = serde_json::to_value(world.customer()).expect("states serialize");
    newest.snapshot =
        Some(Snapshot { revision: <Customer as headwater::Aggregate>::REVISION, state });
    let mut folded = Folded::default();
    folded.apply(&newest).expect("a snapshot of this revision can be read");
    folded
}
