use headwater::{Commit, NewerEvent};
use headwater_dynamodb::EffectId;

use crate::SERVICES;

/// What carries out effects outside, as mails.
#[derive(Clone, Copy)]
pub struct Handler {
    /// The name under which it is kept how far each effect has got.
    pub name: &'static str,
    /// The numbers of a commit's events that ask for one.
    pub asked_for: fn(&Commit) -> Vec<u64>,
    /// The first of a commit's events of which only a newer build knows whether it asks for one.
    pub unknown: fn(&Commit) -> Option<NewerEvent>,
}

/// The effects outside that a commit's events ask for, each with the name of the handler that
/// carries it out.
pub fn effects(commit: &Commit) -> impl Iterator<Item = (&'static str, EffectId)> + '_ {
    let services = SERVICES.iter().filter(|service| service.domain == commit.stream.domain());
    services.filter_map(|service| service.handler).flat_map(
        move |Handler { name, asked_for, .. }| {
            let effect = move |number| (name, EffectId { stream: commit.stream.clone(), number });
            asked_for(commit).into_iter().map(effect)
        },
    )
}

/// The first of a commit's events of which only a newer build knows which effects it asks for.
pub fn unknown_effect(commit: &Commit) -> Option<NewerEvent> {
    let mut services = SERVICES.iter().filter(|service| service.domain == commit.stream.domain());
    services.find_map(|service| (service.handler?.unknown)(commit))
}
