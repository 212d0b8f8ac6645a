use headwater::{Aggregate, Command, Context, Rule, Verdict};

use super::Grant;
use crate::commands::FollowUp;
use crate::customer::{Customer, PastLicense};

/// Writes a grant into the customer's stream, once: the reconciler's command. No rule is asked, for
/// the device has the licence already.
#[derive(Clone, Debug)]
pub struct ApplyGrant {
    /// What was granted.
    pub grant: Grant,
    /// What the licence's row says, if there is one: then the grant was written long ago.
    pub past: Option<PastLicense>,
}

impl Command for ApplyGrant {
    type Aggregate = Customer;
    const NAME: &'static str = "ApplyGrant";

    fn decide(&self, customer: &Customer, _: &Context) -> Verdict<Customer> {
        Ok(if is_written(&self.grant, customer, self.past) {
            vec![]
        } else {
            vec![self.grant.event()]
        })
    }
}

/// A command about a licence whose grant the client shows with it. If the grant is not written yet
/// it is now, in the same commit as what the command decides on top of it.
#[derive(Clone, Debug)]
pub struct Granted<C> {
    /// What was granted.
    pub grant: Grant,
    /// What is to be done with it.
    pub command: C,
}

impl<C: FollowUp> Command for Granted<C> {
    type Aggregate = Customer;
    const NAME: &'static str = C::NAME;
    const RULES: &'static [&'static Rule] = C::RULES;

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        if is_written(&self.grant, customer, self.command.past()) {
            return self.command.decide(customer, context);
        }
        let granted = self.grant.event();
        let mut customer = customer.clone();
        customer.evolve(&granted, context.now);
        let mut events = vec![granted];
        events.extend(self.command.decide(&customer, context)?);
        Ok(events)
    }
}

fn is_written(grant: &Grant, customer: &Customer, past: Option<PastLicense>) -> bool {
    past.is_some() || customer.license(&grant.license_id).is_some()
}
