use std::sync::{Arc, OnceLock};

use headwater_lambda::openapi::document;
use headwater_lambda::{Answer, Call, Function};

/// `GET /openapi.json`: these calls, as their functions describe themselves, and this one.
pub(crate) fn openapi(mut calls: Vec<Call>) -> Function {
    let call = own_call();
    calls.push(call.clone());
    // It has some 250 KB, so a process makes it once.
    let (calls, made) = (Arc::new(calls), Arc::new(OnceLock::<Answer>::new()));
    Function::http(call, move |_, request| {
        let document = made.get_or_init(|| Answer::json(200, &document(&calls)).document()).clone();
        async move { document.unless_known(&request) }
    })
}

fn own_call() -> Call {
    Call::public("openapi", "/openapi.json", "The OpenAPI document of all calls.")
}
