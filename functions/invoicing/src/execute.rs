//! The command decoder: any command, by its name.

use std::pin::Pin;

use garde::Validate;
use headwater::Command;
use headwater_lambda::deployment::UNIQUE_KEY;
use headwater_lambda::problem::CONCURRENT_MODIFICATION;
use headwater_lambda::{Answer, App, Call, Function, Problem, Request, read_json};
use invoicing::{
    AddLineItem, ChangeLineItem, CreateCustomer, CreateInvoice, DeleteInvoice, IssueInvoice,
    PatchCustomer, RULES, RecordPayment, RemoveLineItem, SendInvoiceToCustomer, SetInvoiceCurrency,
    SetInvoiceCustomer, VoidInvoice,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::carry_out::{Payload, Readable, change, create, with};

/// All commands, in the order of the calls that they have of their own.
const COMMANDS: [Decoder; 13] = [
    creating::<CreateInvoice>(),
    changing::<SetInvoiceCustomer>(),
    changing::<SetInvoiceCurrency>(),
    changing::<AddLineItem>(),
    changing::<ChangeLineItem>(),
    changing::<RemoveLineItem>(),
    changing::<IssueInvoice>(),
    changing::<SendInvoiceToCustomer>(),
    changing::<RecordPayment>(),
    changing::<VoidInvoice>(),
    changing::<DeleteInvoice>(),
    creating::<CreateCustomer>(),
    changing::<PatchCustomer>(),
];

/// A command by name, with what its own call takes.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
struct Execute {
    /// The command's name, as `AddLineItem`.
    #[schema(example = "AddLineItem")]
    command: String,
    /// The id of the invoice or customer that the command is about. To create one it may be left
    /// out, or stand in the payload.
    aggregate_id: Option<String>,
    /// The body of the command's own call, and the line's number `n` where that call has it in its
    /// path. Errors point into it: the pointers are those of the command's own call.
    #[serde(default)]
    #[schema(value_type = Object)]
    payload: Payload,
    /// As in the body of the command's own call: the version that the caller decided on.
    #[schema(value_type = Option<u64>, maximum = 9_007_199_254_740_991_u64)]
    version: Option<Value>,
}

/// A command's name, and what carries it out.
struct Decoder {
    name: &'static str,
    carry_out: CarryOut,
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;

enum CarryOut {
    /// The payload holds the id, if there is one.
    Create(for<'a> fn(&'a App, &'a Request, Payload) -> Answering<'a>),
    /// The id is that of what is to be changed.
    Change(for<'a> fn(&'a App, &'a Request, &'a str, Payload) -> Answering<'a>),
}

const fn creating<C: Readable + 'static>() -> Decoder {
    Decoder {
        name: <C as Command>::NAME,
        carry_out: CarryOut::Create(|app, request, payload| {
            Box::pin(create::<C>(app, request, payload))
        }),
    }
}

const fn changing<C: Readable + 'static>() -> Decoder {
    Decoder {
        name: <C as Command>::NAME,
        carry_out: CarryOut::Change(|app, request, id, payload| {
            Box::pin(change::<C>(app, request, id, payload))
        }),
    }
}

/// `POST /invoicing/execute`
pub fn execute() -> Function {
    let call = Call::command(
        "invoicing-execute",
        "POST",
        "/invoicing/execute",
        "Any command by its name, answered as by its own call.",
    );
    let call =
        call.body::<Execute>().may_create().rules(RULES).problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        let Execute { command, aggregate_id, payload, version } =
            read_json(request.members()?.into())?;
        let decoder = COMMANDS.iter().find(|known| known.name == command).ok_or_else(unknown)?;
        let payload = match version {
            Some(version) => with(payload, "version", version)?,
            None => payload,
        };
        match (&decoder.carry_out, aggregate_id) {
            (CarryOut::Create(create), Some(id)) => {
                create(&app, &request, with(payload, "id", id)?).await
            }
            (CarryOut::Create(create), None) => create(&app, &request, payload).await,
            (CarryOut::Change(change), Some(id)) => change(&app, &request, &id, payload).await,
            (CarryOut::Change(_), None) => {
                let missing = format!("{command} needs the id of what it is about");
                Err(Problem::invalid([("/aggregateId".to_owned(), missing)]))
            }
        }
    })
    .variable(UNIQUE_KEY)
}

fn unknown() -> Problem {
    let names: Vec<&str> = COMMANDS.iter().map(|known| known.name).collect();
    Problem::invalid([("/command".to_owned(), format!("one of {}", names.join(", ")))])
}
