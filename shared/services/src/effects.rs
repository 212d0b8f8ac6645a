use headwater::{Commit, Domains, Handler, NewerEvent};
use headwater_dynamodb::EffectId;

/// The effects outside that a commit's events ask for, each with the name of the handler that
/// carries it out.
///
/// ```
/// use headwater::{Commit, Domains};
/// use headwater_services::effects;
///
/// fn tell(domains: &Domains, commit: &Commit) {
///     for (handler, effect) in effects(domains, commit) {
///         println!("{handler}: event {} of {}", effect.number, effect.stream);
///     }
/// }
/// ```
pub fn effects(
    domains: &Domains,
    commit: &Commit,
) -> impl Iterator<Item = (&'static str, EffectId)> + use<> {
    let (stream, handler) = (commit.stream.clone(), handler(domains, commit));
    let asked_for = handler.map(|Handler { name, asked_for, .. }| (name, asked_for(commit)));
    asked_for.into_iter().flat_map(move |(name, numbers)| {
        let stream = stream.clone();
        let effect = move |number| (name, EffectId { stream: stream.clone(), number });
        numbers.into_iter().map(effect)
    })
}

/// The first of a commit's events of which only a newer build knows which effects it asks for.
///
/// ```
/// use headwater::{Commit, Domains};
/// use headwater_services::{effects, unknown_effect};
///
/// /// How many effects the commit asks for; `None` if only a newer build can tell.
/// fn count(domains: &Domains, commit: &Commit) -> Option<usize> {
///     match unknown_effect(domains, commit) {
///         Some(_) => None,
///         None => Some(effects(domains, commit).count()),
///     }
/// }
/// ```
pub fn unknown_effect(domains: &Domains, commit: &Commit) -> Option<NewerEvent> {
    (handler(domains, commit)?.unknown)(commit)
}

fn handler(domains: &Domains, commit: &Commit) -> Option<Handler> {
    domains.of(&commit.stream)?.handler
}
