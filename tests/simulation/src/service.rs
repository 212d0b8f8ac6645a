//! The service's calls, as its functions answer them: all of it, from the headers to the tag, is
//! the glue of the real functions.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater::{Projection, StreamName, UniqueKey, UniqueValue};
use headwater_dynamodb::{MasterKey, SubjectKeys, Sum};
use headwater_lambda::{Access, Answer, App, List, Problem, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::cloud::Cloud;
use crate::domain::{
    CrateCommand, DOMAIN, GROUPS, NAME_TAKEN, NumberThing, OfCrate, OfThing, SlotRow, TENANT,
    THINGS, ThingCommand, ThingRow, crate_of, projections, thing,
};

/// How long a function has for a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call, with its parameters and its body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Invocation {
    Thing {
        id: String,
        command: ThingCommand,
    },
    Crate {
        id: String,
        command: CrateCommand,
    },
    GetThing {
        id: String,
    },
    GetSlot {
        id: String,
        slot: String,
    },
    /// All things, or those of a group; so many on a page.
    List {
        group: Option<String>,
        limit: usize,
    },
    /// All lines of a table of sums.
    Sums {
        table: SumsOf,
    },
}

/// A table of sums.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum SumsOf {
    /// What the things of each group come to.
    Groups,
    /// What lies in all slots.
    Slots,
}

impl SumsOf {
    /// As its lines are keyed.
    pub(crate) fn index(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::Slots => "slots",
        }
    }

    /// The lines that it can have.
    pub(crate) fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Groups => &GROUPS,
            Self::Slots => &["all"],
        }
    }
}

/// What a client sends along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    /// `X-Correlation-Id`: each request from outside has its own.
    pub(crate) correlation_id: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) tokens: Vec<String>,
    pub(crate) cursor: Option<String>,
    /// The version that the client decided on.
    pub(crate) decided_on: Option<u64>,
}

impl Invocation {
    /// The stream that it is about, if it is about one.
    pub(crate) fn stream(&self) -> Option<StreamName> {
        match self {
            Self::Thing { id, .. } | Self::GetThing { id } => Some(thing(id)),
            Self::Crate { id, .. } | Self::GetSlot { id, .. } => Some(crate_of(id)),
            Self::List { .. } | Self::Sums { .. } => None,
        }
    }

    /// The name of the row that it asks for, if it asks for one.
    pub(crate) fn row(&self) -> Option<StreamName> {
        match self {
            Self::GetThing { id } => Some(thing(id)),
            Self::GetSlot { id, slot } => crate_of(id).child("slots", slot).ok(),
            _ => None,
        }
    }
}

/// Answers a call in a process of a build, at a time (in milliseconds since the epoch) that the
/// gateway has put on it.
pub(crate) async fn serve(
    app: &App,
    build: u32,
    call: &Invocation,
    headers: &Headers,
    at: i64,
) -> Answer {
    let answer = match request(call, headers, at) {
        Ok(request) if build == 1 => dispatch::<1>(app, call, &request).await,
        Ok(request) => dispatch::<2>(app, call, &request).await,
        Err(problem) => Err(problem),
    };
    answer.unwrap_or_else(|problem| problem.answer())
}

/// The variables of a function.
pub(crate) fn variables() -> BTreeMap<String, String> {
    let variables = [
        ("EVENTS_TABLE", "events"),
        ("VIEWS_TABLE", "views"),
        ("FEED_TABLE", "feed"),
        ("EFFECTS_TABLE", "effects"),
        ("IDEMPOTENCY_TABLE", "idempotency"),
        ("COMMITS_STREAM", "commits"),
        ("ARCHIVE_TABLE", "archive"),
        ("ARCHIVE_BUCKET", "archive"),
        ("UNIQUE_KEY", UNIQUE_KEY),
        ("KEYS_TABLE", KEYS),
        ("PERSONAL_KEY", PERSONAL_KEY),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// What names the streams of unique values.
const UNIQUE_KEY: &str = "a key of the simulation, 32 bytes long";

/// The table of keys, and from what the master key follows.
const KEYS: &str = "keys";
const PERSONAL_KEY: &str = "another key of the simulation, 32 bytes";

/// The keys of what is personal.
pub(crate) fn keys() -> SubjectKeys {
    SubjectKeys::new(KEYS, MasterKey::new(PERSONAL_KEY.as_bytes()).unwrap())
}

/// The stream that says who holds a name.
pub(crate) fn name_stream(name: &str) -> StreamName {
    let key = UniqueKey::new(UNIQUE_KEY.as_bytes()).unwrap();
    key.stream(TENANT, DOMAIN, &UniqueValue::new("names", name, &NAME_TAKEN)).unwrap()
}

/// How a function's process opens its connections.
pub(crate) async fn open(cloud: &Cloud) -> App {
    App::connect(DOMAIN, variables(), &cloud.config()).await.unwrap()
}

/// The request as the gateway hands it to the function.
fn request(call: &Invocation, headers: &Headers, at: i64) -> Result<Request, Problem> {
    let mut fields = json!({ "x-correlation-id": headers.correlation_id });
    let tokens = (!headers.tokens.is_empty()).then(|| headers.tokens.join(", "));
    for (name, value) in [
        ("idempotency-key", &headers.idempotency_key),
        ("if-match", &headers.if_match),
        ("if-none-match", &headers.if_none_match),
        ("consistency-token", &tokens),
    ] {
        if let Some(value) = value {
            fields[name] = json!(value);
        }
    }
    let limit = if let Invocation::List { limit, .. } = call {
        Some(format!("limit={limit}"))
    } else {
        None
    };
    let query: Vec<String> = limit
        .into_iter()
        .chain(headers.cursor.iter().map(|cursor| format!("cursor={cursor}")))
        .collect();
    let claims = json!({ "sub": "client", "tenant": TENANT, "roles": ["writer"] });
    fields["authorization"] =
        format!("Bearer e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())).into();
    let (method, path) = match call.stream() {
        Some(stream) if call.row().is_none() => ("POST", format!("/{}", stream.within_tenant())),
        _ => ("GET", "/sim".to_owned()),
    };
    let event: ApiGatewayV2httpRequest = serde_json::from_value(json!({
        "version": "2.0", "rawPath": path, "headers": fields, "rawQueryString": query.join("&"),
        "isBase64Encoded": false,
        "body": serde_json::to_string(call).unwrap(),
        "requestContext": {
            "requestId": headers.correlation_id, "timeEpoch": at,
            "http": { "method": method, "path": path },
            "authorizer": {
                "jwt": { "claims": { "sub": "client", "tenant": TENANT, "roles": "[writer]" } },
            },
        },
    }))
    .unwrap();
    let mut request = Request::read(event, 0, Access::Writer)?.decided_on(headers.decided_on);
    // The real one counts by the clock of the machine.
    request.deadline = (Instant::now() + PATIENCE).into_std();
    Ok(request)
}

async fn dispatch<const BUILD: u32>(
    app: &App,
    call: &Invocation,
    request: &Request,
) -> Result<Answer, Problem> {
    match call {
        Invocation::Thing { id, command: command @ ThingCommand::Create { .. } } => {
            app.create(request, &thing(id), &OfThing::<BUILD>(command)).await
        }
        Invocation::Thing { id, command: ThingCommand::Number {} } => {
            app.change(request, &thing(id), &NumberThing::<BUILD>).await
        }
        Invocation::Thing { id, command } => {
            app.change(request, &thing(id), &OfThing::<BUILD>(command)).await
        }
        Invocation::Crate { id, command } => {
            app.put(request, &crate_of(id), &OfCrate::<BUILD>(command)).await
        }
        Invocation::GetThing { id } => {
            let stream = thing(id);
            let found = app.row::<ThingRow<BUILD>>(request, &stream).await?;
            let (version, row) = found.ok_or_else(|| Problem::not_found(id))?;
            entity(app, request, &stream, version, &row).await
        }
        Invocation::GetSlot { id, slot } => {
            let stream = crate_of(id);
            let found =
                app.part::<SlotRow<BUILD>>(request, projections(BUILD), &stream, slot).await?;
            let (version, row) = found.ok_or_else(|| Problem::not_found(slot))?;
            entity(app, request, &stream, version, &row).await
        }
        Invocation::List { group, .. } => {
            let index = group.as_ref().map_or(THINGS.to_owned(), |group| format!("group/{group}"));
            let list = List::<ThingRow<BUILD>>::new(DOMAIN, projections(BUILD), &index);
            app.list(
                request,
                list,
                |stream, version, row| json!({ "id": stream.id(), "version": version, "row": row }),
            )
            .await
        }
        Invocation::Sums { table } => {
            let (position, sums) =
                app.sums(request, DOMAIN, projections(BUILD), table.index(), "", "~").await?;
            let line = |Sum { order, amounts }| {
                let mut line = json!({ "order": order });
                for (name, amount) in amounts {
                    line[name] = json!(i64::try_from(amount).unwrap());
                }
                line
            };
            let items: Vec<Value> = sums.into_iter().map(line).collect();
            Answer::collection(request, Some(position), &json!({ "items": items }))
        }
    }
}

/// Which build has folded the row is part of the tag.
async fn entity<P: Projection>(
    app: &App,
    request: &Request,
    stream: &StreamName,
    version: u64,
    row: &P,
) -> Result<Answer, Problem> {
    let rendering = app.rendering::<P>(request, 1).await?;
    Answer::entity(request, stream, version, rendering, &json!({ "version": version, "row": row }))
}
