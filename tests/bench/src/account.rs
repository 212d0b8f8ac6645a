//! The domain that all systems serve: an account, to which amounts are posted.

use serde::{Deserialize, Serialize};

/// What happened to an account: some 250 bytes, as it is stored by any of the systems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum AccountEvent {
    /// An amount was added to the balance, or taken from it.
    Posted {
        /// In cents.
        amount: i64,
        /// What the payer calls it.
        reference: String,
        /// For people.
        note: String,
    },
}

/// An account: the state that its one rule needs, and a little more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// In cents, never below zero.
    pub balance: i64,
    /// How many amounts were posted.
    pub postings: u64,
    /// The reference of the last one.
    pub last: String,
}

/// The command: post an amount.
#[derive(Clone, Debug)]
pub struct Post {
    amount: i64,
    reference: String,
}

/// The one rule: nobody spends what he does not have.
#[derive(Debug, thiserror::Error)]
#[error("the balance would be {0}")]
pub struct Overdrawn(pub i64);

impl Account {
    /// Takes an event in.
    pub fn fold(&mut self, event: &AccountEvent) {
        let AccountEvent::Posted { amount, reference, .. } = event;
        self.balance += amount;
        self.postings += 1;
        self.last.clone_from(reference);
    }

    /// The account after the first `count` commands of its life.
    pub fn after(count: u64) -> Self {
        let mut account = Self::default();
        (1..=count).for_each(|nth| account.fold(&Post::nth(nth).event()));
        account
    }
}

impl Post {
    /// The `nth` command of an account's life, counted from 1: every fourth takes half of what the
    /// others bring.
    pub fn nth(nth: u64) -> Self {
        let amount = if nth.is_multiple_of(4) { -50 } else { 100 };
        Self { amount, reference: format!("RF18 5390 0754 {nth:08}") }
    }

    /// What follows from it.
    ///
    /// # Errors
    /// [`Overdrawn`].
    pub fn decide(&self, account: &Account) -> Result<AccountEvent, Overdrawn> {
        let balance = account.balance + self.amount;
        if balance < 0 { Err(Overdrawn(balance)) } else { Ok(self.event()) }
    }

    /// The event, were it decided.
    pub fn event(&self) -> AccountEvent {
        let note = "Rent and utilities of the flat on the second floor, with the share of the \
                    cellar, as agreed upon in the contract of the ninth of May.";
        AccountEvent::Posted {
            amount: self.amount,
            reference: self.reference.clone(),
            note: note.to_owned(),
        }
    }
}
