use crate::{Aggregate, Command, Context, Rule, Verdict};

/// What the store carries out: every [`Command`], and a command that takes a number of a sequence.
///
/// A command that takes no number implements [`Command`], which makes it this. One that takes a
/// number implements this trait itself: its decision has the number as an argument, so it cannot
/// be made without one.
///
/// ```
/// use headwater_core::{Aggregate, Context, Decide, Event, Number, Source, Verdict};
/// use jiff::Timestamp;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// struct Order { number: Option<u64> }
///
/// #[derive(Clone, Serialize, Deserialize)]
/// #[serde(tag = "type", content = "data")]
/// enum OrderEvent { OrderNumbered { number: u64 } }
///
/// impl Event for OrderEvent {}
///
/// impl Aggregate for Order {
///     type Event = OrderEvent;
///     const DOMAIN: &'static str = "shop";
///     const CATEGORY: &'static str = "orders";
///     const REVISION: u32 = 1;
///
///     fn evolve(&mut self, OrderEvent::OrderNumbered { number }: &OrderEvent, _: Timestamp) {
///         self.number = Some(*number);
///     }
/// }
///
/// /// The next of the tenant's order numbers.
/// struct OrderNumber(u64);
///
/// impl Number for OrderNumber {
///     const SOURCE: Source<Self> = Source::Sequence("order-numbers", OrderNumber);
/// }
///
/// struct PlaceOrder;
///
/// impl Decide for PlaceOrder {
///     type Aggregate = Order;
///     type Number = OrderNumber;
///     const NAME: &'static str = "PlaceOrder";
///
///     fn decide(
///         &self,
///         _: &Order,
///         _: &Context,
///         OrderNumber(number): OrderNumber,
///     ) -> Verdict<Order> {
///         Ok(vec![OrderEvent::OrderNumbered { number }])
///     }
/// }
/// ```
pub trait Decide: Send + Sync {
    /// What it decides about.
    type Aggregate: Aggregate;

    /// What it takes of a sequence; `()` takes nothing.
    type Number: Number;

    /// As [`Command::NAME`].
    const NAME: &'static str;

    /// As [`Command::RULES`].
    const RULES: &'static [&'static Rule] = &[];

    /// The events that follow, as [`Command::decide`] says.
    ///
    /// # Errors
    /// The [`Rejection`](crate::Rejection) names the rule that says no.
    fn decide(
        &self,
        state: &Self::Aggregate,
        context: &Context,
        number: Self::Number,
    ) -> Verdict<Self::Aggregate>;

    /// As [`Command::when_taken`].
    fn when_taken(
        &self,
        _state: &Self::Aggregate,
        _rule: &'static Rule,
    ) -> Vec<<Self::Aggregate as Aggregate>::Event> {
        Vec::new()
    }

    /// As [`Command::commutes_with`].
    fn commutes_with(&self, _event: &<Self::Aggregate as Aggregate>::Event) -> bool {
        false
    }
}

impl<C: Command> Decide for C {
    type Aggregate = C::Aggregate;
    type Number = ();
    const NAME: &'static str = C::NAME;
    const RULES: &'static [&'static Rule] = C::RULES;

    fn decide(&self, state: &C::Aggregate, context: &Context, (): ()) -> Verdict<C::Aggregate> {
        Command::decide(self, state, context)
    }

    fn when_taken(
        &self,
        state: &C::Aggregate,
        rule: &'static Rule,
    ) -> Vec<<C::Aggregate as Aggregate>::Event> {
        Command::when_taken(self, state, rule)
    }

    fn commutes_with(&self, event: &<C::Aggregate as Aggregate>::Event) -> bool {
        Command::commutes_with(self, event)
    }
}

/// What a decision takes of a sequence: a type of the domain's, such as `InvoiceNumber(u64)`.
///
/// ```
/// use headwater_core::{Number, Source};
///
/// #[derive(Debug, PartialEq)]
/// struct ReceiptNumber(u64);
///
/// impl Number for ReceiptNumber {
///     const SOURCE: Source<Self> = Source::Sequence("receipt-numbers", ReceiptNumber);
/// }
///
/// // The store knows the sequence's next number; here it is 7.
/// assert_eq!(ReceiptNumber::SOURCE.take(|_| 7), ReceiptNumber(7));
/// ```
pub trait Number: Sized + Send + 'static {
    /// Where it comes from.
    const SOURCE: Source<Self>;
}

/// Where the number of a decision comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<N> {
    /// Nowhere: none is taken, and this stands for it.
    Nothing(N),
    /// From the sequence of this name in the command's tenant and domain, as `invoice-numbers`: its
    /// next number, from 1 on. It is taken in the transaction of the events; where nothing is
    /// written none is taken.
    ///
    /// It costs a read of the sequence's head and a transaction. All takers of a sequence write
    /// after one another. So this suits what a person does, and not what a machine does thousands
    /// of times a second.
    Sequence(&'static str, fn(u64) -> N),
}

/// No number.
impl Number for () {
    const SOURCE: Source<()> = Source::Nothing(());
}

impl<N> Source<N> {
    /// The number, where the next of the sequence is known: for tests and models. It is asked only
    /// if there is a sequence.
    pub fn take(self, next: impl FnOnce(&'static str) -> u64) -> N {
        match self {
            Self::Nothing(none) => none,
            Self::Sequence(name, number) => number(next(name)),
        }
    }
}
