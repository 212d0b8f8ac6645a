use headwater_lambda::openapi::document;
use headwater_lambda::{Answer, Call, Function};

/// `GET /openapi.json`: all calls, as their functions describe themselves.
pub fn openapi() -> Function {
    let call = Call::public("openapi", "/openapi.json", "The OpenAPI document of all calls.");
    Function::http(call, |_, _| async {
        let functions =
            [identity_functions::functions(), licensing_functions::functions(), invoicing_functions::functions(), crate::functions()];
        let calls: Vec<Call> = functions.iter().flatten().filter_map(Function::call).cloned().collect();
        Ok(Answer::json(200, &document(&calls)))
    })
}
