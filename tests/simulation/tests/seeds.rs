//! Seeds in the suite. `cargo simulate --seeds N --from M` runs any others, a good deal faster.

use std::thread;

use headwater_simulation::{Plan, Trouble, run, shrink};

/// How many seeds.
const SEEDS: u64 = 1_000;

/// How many at a time: a run has one thread.
const AT_ONCE: u64 = 2;

fn check(plan: &Plan) {
    if let Err(failure) = run(plan, false) {
        let (smallest, failure) = shrink(plan, failure);
        panic!("{}\n\nrun it again, with all that happens in it: {smallest}\n", failure.what);
    }
}

#[test]
fn whatever_happens_nothing_is_lost_done_twice_or_wrong() {
    thread::scope(|scope| {
        for first in 0..AT_ONCE {
            scope.spawn(move || (first..SEEDS).step_by(AT_ONCE as usize).for_each(|seed| check(&Plan::of(seed))));
        }
    });
}

#[test]
fn the_same_plan_takes_the_same_course() {
    for seed in 0..20 {
        let plan = Plan::of(seed);
        assert_eq!(run(&plan, false).unwrap(), run(&plan, false).unwrap(), "{plan}");
    }
}

/// Otherwise much would be simulated for nothing.
#[test]
fn every_trouble_changes_the_course() {
    let plan = Plan { troubles: [].into(), ..Plan::of(3) };
    let calm = run(&plan, false).unwrap().course;
    for trouble in <Trouble as clap::ValueEnum>::value_variants() {
        let courses = (3..6).map(|seed| {
            let plan = Plan { seed, ..plan.clone() };
            let troubled = Plan { troubles: [*trouble].into(), ..plan.clone() };
            run(&plan, false).unwrap().course != run(&troubled, false).unwrap().course
        });
        assert!(courses.into_iter().any(|changed| changed), "{trouble:?} {calm}");
    }
}
