use headwater::{Commit, Handler, NewerEvent};
use headwater_dynamodb::EffectId;

use crate::of;

/// The effects outside that a commit's events ask for, each with the name of the handler that
/// carries it out.
pub fn effects(commit: &Commit) -> impl Iterator<Item = (&'static str, EffectId)> + '_ {
    let handler = of(&commit.stream).and_then(|service| service.handler);
    handler.into_iter().flat_map(move |Handler { name, asked_for, .. }| {
        let effect = move |number| (name, EffectId { stream: commit.stream.clone(), number });
        asked_for(commit).into_iter().map(effect)
    })
}

/// The first of a commit's events of which only a newer build knows which effects it asks for.
pub fn unknown_effect(commit: &Commit) -> Option<NewerEvent> {
    (of(&commit.stream)?.handler?.unknown)(commit)
}
