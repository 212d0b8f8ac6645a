//! Bodies of commands: what passes for a command is decided on an empty state and on its own
//! outcome, without a panic.
#![no_main]

use garde::Validate;
use headwater::{Aggregate, Context, Decide, Number};
use headwater_fuzz::for_each_command;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use uuid::Uuid;

fuzz_target!(|body: &[u8]| {
    for_each_command!(try_out(body));
});

fn try_out<C: Decide + DeserializeOwned + Validate<Context = ()>>(body: &[u8]) {
    let Ok(command) = serde_json::from_slice::<C>(body) else { return };
    if command.validate().is_err() {
        return;
    }
    let now = Timestamp::UNIX_EPOCH;
    let context =
        Context { now, id: "x".to_owned(), fresh_id: Uuid::nil(), actor: "fuzzer".to_owned() };
    let number = || C::Number::SOURCE.take(|_| 1);
    let mut state = C::Aggregate::default();
    let Ok(events) = command.decide(&state, &context, number()) else { return };
    for event in &events {
        state.evolve(event, now);
    }
    command.decide(&state, &context, number()).ok();
}
