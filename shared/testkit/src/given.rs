use headwater::{Aggregate, Context, Decide, Number, Rejection, Rule, Verdict, encode};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{Clock, days_from_now, difference};

/// Begins a test of a decision: these events have happened.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater_testkit::given;
///
/// given::<Till>([]).when(OpenTill {}).then([TillEvent::TillOpened {}]);
/// given::<Till>([TillEvent::TillOpened {}]).when(OpenTill {}).then_rejected(&TILL_EXISTS);
/// ```
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let context = Context {
        now: Clock::default().now(),
        id: "1".to_owned(),
        fresh_id: Uuid::nil(),
        actor: "tester".to_owned(),
    };
    Given { state: A::default(), context, next_number: 1 }.and(events)
}

/// What has happened, and what a decision will know besides: the time ([`Clock`]'s beginning), the
/// id (`1`), the actor (`tester`), the next number of the command's sequence (1).
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater_testkit::{Given, given};
///
/// let open = || -> Given<Till> { given([TillEvent::TillOpened {}]).id("front").by("ada") };
/// let coin = || AddCoin { cents: 50 };
/// open().days_from_now(3).when(coin()).then([TillEvent::CoinAdded { cents: 50 }]);
/// given::<Till>([]).when(coin()).then_unknown();
/// ```
#[derive(Debug)]
pub struct Given<A> {
    state: A,
    context: Context,
    next_number: u64,
}

impl<A: Aggregate> Given<A> {
    /// From here on it is this time: for further events and for the decision.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.context.now = now;
        self
    }

    /// From here on it is so many days of 24 hours after the time at which tests begin, as [`at`]
    /// says: a test that something ends is a row of a table.
    ///
    /// ```text
    /// for (days, renewed) in [(0, true), (29, true), (61, false)] {
    ///     let licence = given([acquired()]).days_from_now(days).when(renew());
    /// ```
    ///
    /// [`at`]: Given::at
    #[must_use]
    pub fn days_from_now(self, days: i32) -> Self {
        self.at(days_from_now(days))
    }

    /// These events have happened as well, at the present time.
    #[must_use]
    pub fn and(mut self, events: impl IntoIterator<Item = A::Event>) -> Self {
        for event in events {
            self.state.evolve(&event, self.context.now);
        }
        self
    }

    /// The id of the thing, as its stream's name ends.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.context.id);
        self
    }

    /// Who sends the command.
    #[must_use]
    pub fn by(mut self, actor: &str) -> Self {
        actor.clone_into(&mut self.context.actor);
        self
    }

    /// The next number of the command's sequence, if it takes one.
    #[must_use]
    pub fn next_number(mut self, number: u64) -> Self {
        self.next_number = number;
        self
    }

    /// Decides a command in the state that these events make.
    ///
    /// # Panics
    /// If a rule refuses it that [`Decide::RULES`] does not list.
    #[must_use]
    #[track_caller]
    pub fn when<C: Decide<Aggregate = A>>(self, command: C) -> When<C> {
        let verdict = self.decide(&command);
        if let Err(Rejection::Refused { rule, .. }) = &verdict {
            assert!(
                C::RULES.iter().any(|known| known == rule),
                "{} is refused by {}: list that rule in its RULES",
                C::NAME,
                rule.name
            );
        }
        When { given: self, command, verdict }
    }

    fn decide<C: Decide<Aggregate = A>>(&self, command: &C) -> Verdict<A> {
        command.decide(&self.state, &self.context, C::Number::SOURCE.take(|_| self.next_number))
    }
}

/// A decision, to be compared with what it should have been. Each `then` fails at its caller's
/// line.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater_testkit::given;
///
/// let opened = given::<Till>([]).when(OpenTill {}).then([TillEvent::TillOpened {}]);
/// // It does not do so twice: the second is refused.
/// opened.again_nothing();
/// ```
pub struct When<C: Decide> {
    given: Given<C::Aggregate>,
    command: C,
    verdict: Verdict<C::Aggregate>,
}

impl<C: Decide> When<C> {
    /// Exactly these events follow.
    ///
    /// # Panics
    /// If others do, or none.
    #[track_caller]
    pub fn then(
        self,
        expected: impl IntoIterator<Item = <C::Aggregate as Aggregate>::Event>,
    ) -> Self {
        let expected = lines::<C::Aggregate>(&expected.into_iter().collect::<Vec<_>>());
        let decided = match &self.verdict {
            Ok(events) => lines::<C::Aggregate>(events),
            Err(rejection) => {
                panic!("{} was rejected, but expected was\n{expected}\n{rejection:#?}", C::NAME)
            }
        };
        assert!(
            expected == decided,
            "{} decided other events (- expected, + decided):\n{}",
            C::NAME,
            difference(&expected, &decided)
        );
        self
    }

    /// The command changes nothing: it is so already.
    ///
    /// # Panics
    /// If events follow, or a rule says no.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then([])
    }

    /// This rule says no.
    ///
    /// # Panics
    /// If another does, or none.
    #[track_caller]
    pub fn then_rejected(self, expected: &Rule) {
        match self.verdict {
            Err(Rejection::Refused { rule, .. }) if rule == expected => {}
            Err(other) => {
                panic!("{} was to be refused by {}, but:\n{other:#?}", C::NAME, expected.name)
            }
            Ok(events) => {
                let decided = lines::<C::Aggregate>(&events);
                panic!(
                    "{} was to be refused by {}, but decided:\n{decided}",
                    C::NAME,
                    expected.name
                )
            }
        }
    }

    /// There is no such thing.
    ///
    /// # Panics
    /// If there is.
    #[track_caller]
    pub fn then_unknown(self) {
        match self.verdict {
            Err(Rejection::Unknown { .. }) => {}
            Err(other) => panic!("{} was to find nothing, but:\n{other:#?}", C::NAME),
            Ok(events) => panic!(
                "{} was to find nothing, but decided:\n{}",
                C::NAME,
                lines::<C::Aggregate>(&events)
            ),
        }
    }

    /// The same command once more, after the events that it decided: no event follows.
    ///
    /// # Panics
    /// If one does.
    #[track_caller]
    pub fn again_nothing(self) {
        let Self { given, command, verdict } = self;
        let given = given.and(verdict.unwrap_or_default());
        let again = given.decide(&command).unwrap_or_default();
        assert!(
            again.is_empty(),
            "{} once more decided:\n{}",
            C::NAME,
            lines::<C::Aggregate>(&again)
        );
    }
}

/// Events as they are stored, a line each.
fn lines<A: Aggregate>(events: &[A::Event]) -> String {
    let line = |event| match encode(0, event) {
        Ok(stored) => format!("{} {}", stored.event_type, stored.data),
        Err(error) => error.to_string(),
    };
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}
