use headwater::Commit;
use headwater_dynamodb::EffectId;
use invoicing::mail;

/// The names of all handlers of effects.
pub const HANDLERS: [&str; 1] = [mail::HANDLER];

/// The effects outside that a commit's events ask for, each with the name of the handler that carries it out.
pub fn effects(commit: &Commit) -> impl Iterator<Item = (&'static str, EffectId)> + '_ {
    mail::asked_for(commit).map(|number| (mail::HANDLER, EffectId { stream: commit.stream.clone(), number }))
}
