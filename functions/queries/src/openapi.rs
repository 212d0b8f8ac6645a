use std::sync::LazyLock;

use headwater_lambda::openapi::document;
use headwater_lambda::{Answer, Call, Function};

use crate::calls;

/// `GET /openapi.json`: all calls, as their functions describe themselves.
pub fn openapi() -> Function {
    let call = Call::public("openapi", "/openapi.json", "The OpenAPI document of all calls.");
    Function::http(call, |_, request| async move {
        // It has some 250 KB, so a process makes it once.
        static DOCUMENT: LazyLock<Answer> =
            LazyLock::new(|| Answer::json(200, &document(calls())).document());
        DOCUMENT.clone().unless_known(&request)
    })
}
