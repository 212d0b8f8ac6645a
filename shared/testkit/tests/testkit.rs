//! A toy aggregate shows what the tools accept, and that they do fail where they should.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{UnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use headwater::{
    Aggregate, Command, Context, Decide, Event, IndexKey, Number, Part, Projection, Rejection,
    Rule, Source, StreamName, Verdict,
};
use headwater_testkit::{
    AnyCommand, Clock, Delivery, History, assert_converges, assert_parts_converge, commits, given,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum LampEvent {
    Switched { on: bool },
}

impl Event for LampEvent {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Lamp {
    on: bool,
    since: Timestamp,
}

impl Aggregate for Lamp {
    type Event = LampEvent;
    const DOMAIN: &'static str = "house";
    const CATEGORY: &'static str = "lamps";
    const REVISION: u32 = 1;

    fn evolve(&mut self, LampEvent::Switched { on }: &LampEvent, at: Timestamp) {
        *self = Self { on: *on, since: at };
    }
}

static TOO_SOON: Rule = Rule { name: "too-soon", title: "", help: "" };
static OTHER: Rule = Rule { name: "other", title: "", help: "" };

/// Not twice within a second; `stubborn` forgets to look whether it is on already.
#[derive(Clone, Debug)]
struct SwitchOn {
    stubborn: bool,
}

impl Command for SwitchOn {
    type Aggregate = Lamp;
    const NAME: &'static str = "SwitchOn";
    const RULES: &'static [&'static Rule] = &[&TOO_SOON];

    fn decide(&self, lamp: &Lamp, context: &Context) -> Verdict<Lamp> {
        if context.id == "broken" {
            return Err(Rejection::unknown("lamp", &context.id));
        }
        if lamp.on && !self.stubborn {
            return Ok(vec![]);
        }
        if context.now.duration_since(lamp.since) < SignedDuration::from_secs(1) {
            return Err(Rejection::refused(&TOO_SOON, "it was switched a moment ago"));
        }
        Ok(vec![LampEvent::Switched { on: true }])
    }
}

const SWITCH_ON: SwitchOn = SwitchOn { stubborn: false };
const STUBBORN: SwitchOn = SwitchOn { stubborn: true };
const ON: LampEvent = LampEvent::Switched { on: true };
const OFF: LampEvent = LampEvent::Switched { on: false };

fn stream() -> StreamName {
    StreamName::new("acme", "house", "lamps", "1").expect("a name")
}

thread_local! {
    /// The file that the last panic of this thread blames, and what it says.
    static BLAMED: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// What a failing check says; it must blame a line of this file.
fn failure(check: impl FnOnce() + UnwindSafe) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let file =
                panic.location().map(|location| location.file().to_owned()).unwrap_or_default();
            BLAMED.set(Some((file, panic.payload_as_str().unwrap_or_default().to_owned())));
            before(panic);
        }));
    });
    assert!(catch_unwind(check).is_err(), "the check should have failed");
    let (file, message) = BLAMED.take().expect("the hook has seen the panic");
    assert!(file.ends_with(file!()), "{file}: {message}");
    message
}

#[test]
fn a_decision_is_compared_with_events_rules_and_absence() {
    let start = Clock::default().now();
    let later = Clock::default().advance(SignedDuration::from_secs(1));
    given::<Lamp>([]).when(SWITCH_ON).then([ON]).again_nothing();
    given::<Lamp>([ON]).when(SWITCH_ON).then_nothing();
    given::<Lamp>([]).at(start).and([OFF]).when(SWITCH_ON).then_rejected(&TOO_SOON);
    given::<Lamp>([]).at(start).and([OFF]).at(later).when(SWITCH_ON).then([ON]);
    given::<Lamp>([]).id("broken").by("ada").when(SWITCH_ON).then_unknown();
}

#[test]
fn a_case_may_be_so_many_days_from_now() {
    for (days, is_too_soon) in [(0, true), (1, false), (31, false)] {
        let tried = given::<Lamp>([OFF]).days_from_now(days).when(SWITCH_ON);
        if is_too_soon {
            tried.then_rejected(&TOO_SOON);
        } else {
            drop(tried.then([ON]));
        }
    }
}

#[test]
fn a_command_that_takes_a_number_gets_one() {
    drop(given::<Lamp>([]).when(Count).then([ON]));
    drop(given::<Lamp>([]).next_number(2).when(Count).then([OFF, ON]));
}

/// Switches the lamp on and off as often as its number says, once more on.
struct Count;

struct Nth(u64);

impl Number for Nth {
    const SOURCE: Source<Self> = Source::Sequence("switches", Nth);
}

impl Decide for Count {
    type Aggregate = Lamp;
    type Number = Nth;
    const NAME: &'static str = "Count";

    fn decide(&self, _: &Lamp, _: &Context, Nth(number): Nth) -> Verdict<Lamp> {
        Ok((1..number).map(|_| OFF).chain([ON]).collect())
    }
}

#[test]
fn a_wrong_expectation_fails_and_says_how() {
    let differs = failure(|| drop(given::<Lamp>([]).when(SWITCH_ON).then([OFF, ON])));
    assert!(differs.contains("- Switched {\"on\":false}\n  Switched {\"on\":true}"), "{differs}");
    assert!(
        failure(|| drop(given::<Lamp>([]).when(SWITCH_ON).then_nothing())).contains("+ Switched")
    );
    assert!(failure(|| drop(given::<Lamp>([OFF]).when(SWITCH_ON).then([ON]))).contains("too-soon"));
    assert!(
        failure(|| given::<Lamp>([OFF]).when(SWITCH_ON).then_rejected(&OTHER))
            .contains("refused by other")
    );
    assert!(
        failure(|| given::<Lamp>([]).when(SWITCH_ON).then_rejected(&TOO_SOON)).contains("decided")
    );
    assert!(failure(|| given::<Lamp>([]).when(SWITCH_ON).then_unknown()).contains("decided"));
    assert!(failure(|| given::<Lamp>([OFF]).when(SWITCH_ON).then_unknown()).contains("too-soon"));
    let later = Clock::default().advance(SignedDuration::from_secs(1));
    assert!(
        failure(move || given::<Lamp>([OFF]).at(later).when(SwitchTwice).again_nothing())
            .contains("once more")
    );
}

/// Appends whatever the state is.
struct SwitchTwice;

impl Command for SwitchTwice {
    type Aggregate = Lamp;
    const NAME: &'static str = "SwitchTwice";

    fn decide(&self, _: &Lamp, _: &Context) -> Verdict<Lamp> {
        Ok(vec![OFF, ON])
    }
}

#[test]
fn a_history_grows_by_commands_without_gaps() {
    let mut history = History::<Lamp>::new(stream());
    history.run_twice(&AnyCommand::new(SWITCH_ON)).unwrap();
    history.run(&AnyCommand::new(STUBBORN)).unwrap();
    assert_eq!(history.folded().version, 2);
    let firsts: Vec<u64> = history.commits().iter().map(|commit| commit.first).collect();
    assert_eq!(firsts, [1, 2]);
    assert_eq!(history.commits()[0].metadata.command, "SwitchOn");
    // The first commit was at second 1, the repetition at 2, this one at 3.
    let seconds = history.commits()[1].at.duration_since(history.commits()[0].at);
    assert_eq!(seconds, SignedDuration::from_secs(2));
    let stubborn =
        failure(|| drop(History::<Lamp>::new(stream()).run_twice(&AnyCommand::new(STUBBORN))));
    assert!(stubborn.contains("once more appended 1 events"), "{stubborn}");
}

/// Stands in a list while it is on. `WHIMSICAL` makes its keys from something else than its data.
#[derive(Default, Serialize, Deserialize)]
struct LampRow<const WHIMSICAL: bool> {
    on: bool,
    switched: u32,
}

impl<const WHIMSICAL: bool> Projection for LampRow<WHIMSICAL> {
    type Event = LampEvent;
    const CATEGORY: &'static str = "lamps";
    const REVISION: u32 = 1;

    fn evolve(&mut self, LampEvent::Switched { on }: &LampEvent, _: Timestamp) {
        self.on = *on;
        self.switched += 1;
    }

    fn is_deleted(&self) -> bool {
        !self.on
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        static WHIM: AtomicU32 = AtomicU32::new(0);
        let order = if WHIMSICAL { WHIM.fetch_add(1, Ordering::Relaxed) } else { self.switched };
        BTreeSet::from([IndexKey::new("on", &order.to_string(), stream.id())])
    }
}

/// Each lamp has one bulb, which all of its events concern.
impl<const WHIMSICAL: bool> Part for LampRow<WHIMSICAL> {
    fn id(_: &LampEvent) -> Option<&str> {
        Some("bulb")
    }
}

#[test]
fn deliveries_converge_or_the_check_fails() {
    let commits = commits(&stream(), [vec![ON], vec![OFF, ON], vec![OFF], vec![ON]]);
    let versions: Vec<u64> = commits.iter().map(headwater::Commit::last).collect();
    assert_eq!(versions, [1, 3, 4, 5]);
    let deliveries = [
        Delivery { upto: 2, stale: false, dies_after: Some(1) },
        Delivery { upto: 3, stale: false, dies_after: None },
        Delivery { upto: 1, stale: true, dies_after: None },
    ];
    assert_converges::<LampRow<false>>(&stream(), &commits, &deliveries);
    assert_parts_converge::<LampRow<false>>(&stream(), &commits, &deliveries);
    assert!(
        failure(|| assert_converges::<LampRow<true>>(&stream(), &commits, &deliveries))
            .contains("index rows")
    );
    assert!(
        failure(|| assert_parts_converge::<LampRow<true>>(&stream(), &commits, &deliveries))
            .contains("index rows")
    );
}
