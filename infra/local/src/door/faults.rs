//! Which calls go wrong, and how.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{AwsCall, Service};

/// With chaos, the share of calls that go wrong.
const CHAOS_RATE: f64 = 0.02;

/// The fault that strikes a call. If only a part fails, the generator chooses which.
#[derive(Debug)]
pub(super) enum Fault {
    /// The service can't be reached: nothing is done, and the connection closes.
    Unreachable,
    /// The service refuses for the moment.
    Throttle,
    /// Nothing is done, and no answer comes for longer than a client should wait.
    Timeout,
    /// It is done, but the connection closes before the answer.
    LostReply,
    /// Another transaction has the item.
    TransactionConflict,
    /// Readers see the transaction item by item.
    Torn(Rng),
    /// Some of the records are not put.
    PartialFailure(Rng),
    /// The records are put twice.
    Duplicate,
    /// The records are put in another order.
    Reorder(Rng),
}

/// The order for a fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    service: Target,
    fault: Kind,
    /// The share of calls that go wrong.
    rate: Option<f64>,
    /// The one function that is meant.
    pub(super) function: Option<String>,
    /// The one table that is meant, by its name.
    pub(super) table: Option<String>,
    /// How long it lasts.
    seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    DynamoDb,
    Kinesis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Unreachable,
    Throttle,
    Timeout,
    LostReply,
    TransactionConflict,
    Torn,
    PartialFailure,
    Duplicate,
    Reorder,
    None,
}

const ALL: [Kind; 9] = [
    Kind::Unreachable,
    Kind::Throttle,
    Kind::Timeout,
    Kind::LostReply,
    Kind::TransactionConflict,
    Kind::Torn,
    Kind::PartialFailure,
    Kind::Duplicate,
    Kind::Reorder,
];

/// The faults in force.
#[derive(Debug)]
pub(super) struct Faults(Mutex<State>);

#[derive(Debug)]
struct State {
    chaos: bool,
    /// Drawn from for each call in order of arrival, and only where something may go wrong.
    rng: Rng,
    rules: Vec<Rule>,
    /// How many calls went wrong, and how.
    struck: BTreeMap<(Target, Kind), u64>,
}

#[derive(Debug)]
struct Rule {
    service: Target,
    function: Option<String>,
    table: Option<String>,
    kind: Kind,
    rate: f64,
    until: Option<Instant>,
}

impl Faults {
    /// No faults but those of chaos, if there is a seed for it.
    pub(super) fn new(chaos: Option<u64>) -> Self {
        let rng = Rng::with_seed(chaos.unwrap_or_default());
        Self(Mutex::new(State {
            chaos: chaos.is_some(),
            rng,
            rules: Vec::new(),
            struck: BTreeMap::new(),
        }))
    }

    /// Puts a fault in force, in the place of the one before of the same service, function and
    /// table.
    ///
    /// # Errors
    /// Why the request is refused.
    pub(super) fn set(&self, request: Request) -> Result<(), String> {
        let rule = request.rule()?;
        let mut state = self.lock();
        let meant = |rule: &Rule| (rule.service, rule.function.clone(), rule.table.clone());
        let ends_all = rule.kind == Kind::None && rule.function.is_none() && rule.table.is_none();
        state.rules.retain(|other| {
            meant(other) != meant(&rule) && !(ends_all && other.service == rule.service)
        });
        if rule.kind != Kind::None {
            state.rules.push(rule);
        }
        Ok(())
    }

    /// Whether a call goes wrong.
    pub(super) fn strike(&self, call: &AwsCall) -> Option<Fault> {
        let service = Target::of(call.service)?;
        let mut state = self.lock();
        let kind = state.choose(service, call)?;
        *state.struck.entry((service, kind)).or_default() += 1;
        kind.fault(&mut state.rng)
    }

    /// Every fault that there is, by service, with how many calls it has struck:
    /// `{"dynamodb": {"throttle": 3, …}, "kinesis": {…}}`.
    pub(super) fn struck(&self) -> Value {
        let state = self.lock();
        let of = |service: Target| {
            let kinds = ALL.into_iter().filter(|kind| kind.is_of(service));
            kinds
                .map(|kind| (kind, state.struck.get(&(service, kind)).copied().unwrap_or(0)))
                .collect::<BTreeMap<Kind, u64>>()
        };
        json!(
            [Target::DynamoDb, Target::Kinesis]
                .map(|service| (service, of(service)))
                .into_iter()
                .collect::<BTreeMap<_, _>>()
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What goes wrong with a call of this service, if anything does.
    fn choose(&mut self, service: Target, call: &AwsCall) -> Option<Kind> {
        let Self { chaos, rng, rules, .. } = self;
        rules.retain(|rule| rule.until.is_none_or(|until| Instant::now() < until));
        for rule in rules.iter().filter(|rule| rule.concerns(service, call)) {
            if rng.f64() < rule.rate {
                return Some(rule.kind);
            }
        }
        if *chaos && rng.f64() < CHAOS_RATE {
            let kinds = ALL.into_iter().filter(|kind| kind.befalls(service, &call.operation));
            return rng.choice(kinds.collect::<Vec<_>>());
        }
        None
    }
}

impl Target {
    /// The service as faults know it; nothing goes wrong with S3.
    fn of(service: Service) -> Option<Self> {
        match service {
            Service::DynamoDb => Some(Self::DynamoDb),
            Service::Kinesis => Some(Self::Kinesis),
            Service::S3 => None,
        }
    }
}

impl Request {
    fn rule(self) -> Result<Rule, String> {
        if self.fault != Kind::None && !self.fault.is_of(self.service) {
            let right = if self.service == Target::Kinesis { "dynamodb" } else { "kinesis" };
            return Err(format!("this fault befalls {right} only"));
        }
        let rate = match (self.rate, self.fault) {
            (Some(rate), _) if (0.0..=1.0).contains(&rate) => rate,
            (Some(rate), _) => return Err(format!("rate is from 0 to 1, not {rate}")),
            (None, Kind::None) => 0.0,
            (None, _) => {
                return Err(
                    "rate is missing: the share of calls that go wrong, from 0 to 1".to_owned()
                );
            }
        };
        let lasts = self
            .seconds
            .map(Duration::try_from_secs_f64)
            .transpose()
            .map_err(|error| format!("seconds: {error}"))?;
        if self.table.is_some() && self.service != Target::DynamoDb {
            return Err("only dynamodb has tables".to_owned());
        }
        Ok(Rule {
            service: self.service,
            function: self.function,
            table: self.table,
            kind: self.fault,
            rate,
            until: lasts.and_then(|d| Instant::now().checked_add(d)),
        })
    }
}

impl Rule {
    fn concerns(&self, service: Target, call: &AwsCall) -> bool {
        self.service == service
            && self.function.as_ref().is_none_or(|function| *function == call.access_key)
            && self.table.as_ref().is_none_or(|table| call.is_about(table))
            && self.kind.befalls(service, &call.operation)
    }
}

impl Kind {
    /// Whether a service knows this.
    fn is_of(self, service: Target) -> bool {
        match self {
            Self::None => false,
            Self::Unreachable | Self::Throttle | Self::Timeout | Self::LostReply => true,
            Self::TransactionConflict | Self::Torn => service == Target::DynamoDb,
            Self::PartialFailure | Self::Duplicate | Self::Reorder => service == Target::Kinesis,
        }
    }

    /// Whether an operation of the service can meet this.
    fn befalls(self, service: Target, operation: &str) -> bool {
        let operations: &[&str] = match self {
            Self::TransactionConflict => {
                &["TransactWriteItems", "TransactGetItems", "PutItem", "UpdateItem", "DeleteItem"]
            }
            Self::Torn => &["TransactWriteItems"],
            Self::PartialFailure | Self::Duplicate | Self::Reorder => &["PutRecords"],
            _ => return self.is_of(service),
        };
        self.is_of(service) && operations.contains(&operation)
    }

    fn fault(self, rng: &mut Rng) -> Option<Fault> {
        Some(match self {
            Self::Unreachable => Fault::Unreachable,
            Self::Throttle => Fault::Throttle,
            Self::Timeout => Fault::Timeout,
            Self::LostReply => Fault::LostReply,
            Self::TransactionConflict => Fault::TransactionConflict,
            Self::Torn => Fault::Torn(rng.fork()),
            Self::PartialFailure => Fault::PartialFailure(rng.fork()),
            Self::Duplicate => Fault::Duplicate,
            Self::Reorder => Fault::Reorder(rng.fork()),
            Self::None => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use serde_json::Value;

    use super::*;

    fn call(service: Service, operation: &str) -> AwsCall {
        AwsCall {
            access_key: "relay".to_owned(),
            service,
            operation: operation.to_owned(),
            method: Method::POST,
            target: "/".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            input: Value::Null,
        }
    }

    /// What befalls 5,000 calls, each third one a put of records and a transaction.
    fn fates(seed: Option<u64>) -> Vec<Option<String>> {
        let faults = Faults::new(seed);
        let operations = [
            (Service::DynamoDb, "PutItem"),
            (Service::Kinesis, "PutRecords"),
            (Service::DynamoDb, "TransactWriteItems"),
        ];
        let calls = operations.map(|(service, operation)| call(service, operation));
        calls
            .iter()
            .cycle()
            .take(5000)
            .map(|call| Some(format!("{:?}", faults.strike(call)?)))
            .collect()
    }

    #[test]
    fn chaos_is_the_same_for_the_same_seed() {
        assert_eq!(fates(Some(1)), fates(Some(1)));
        assert_ne!(fates(Some(1)), fates(Some(2)));
    }

    #[test]
    fn chaos_knows_every_fault_and_is_rare() {
        let fates: Vec<_> = fates(Some(1)).into_iter().flatten().collect();
        assert!((50..200).contains(&fates.len()), "{}", fates.len());
        let kinds: BTreeSet<_> = fates.iter().filter_map(|fate| fate.split('(').next()).collect();
        assert_eq!(kinds.len(), ALL.len(), "{kinds:?}");
    }

    #[test]
    fn without_a_seed_nothing_goes_wrong() {
        assert!(fates(None).iter().all(Option::is_none));
    }

    #[test]
    fn only_what_has_records_or_transactions_meets_their_faults() {
        for (kind, service, operation, befalls) in [
            (Kind::Throttle, Target::Kinesis, "PutRecords", true),
            (Kind::Throttle, Target::DynamoDb, "Query", true),
            (Kind::TransactionConflict, Target::DynamoDb, "TransactGetItems", true),
            (Kind::TransactionConflict, Target::DynamoDb, "DeleteItem", true),
            (Kind::TransactionConflict, Target::DynamoDb, "Query", false),
            (Kind::TransactionConflict, Target::Kinesis, "PutRecords", false),
            (Kind::Torn, Target::DynamoDb, "TransactWriteItems", true),
            (Kind::Torn, Target::DynamoDb, "TransactGetItems", false),
            (Kind::Torn, Target::DynamoDb, "PutItem", false),
            (Kind::PartialFailure, Target::Kinesis, "PutRecords", true),
            (Kind::PartialFailure, Target::Kinesis, "PutRecord", false),
            (Kind::Reorder, Target::DynamoDb, "PutItem", false),
        ] {
            assert_eq!(kind.befalls(service, operation), befalls, "{kind:?} {operation}");
        }
    }

    #[test]
    fn a_fault_of_a_table_leaves_the_others_alone() {
        let faults = Faults::new(None);
        let set = |request: Value| faults.set(serde_json::from_value(request).unwrap());
        let order = |table: Value, fault: &str| {
            let service = "dynamodb";
            json!({ "service": service, "fault": fault, "rate": 1, "table": table })
        };
        let strikes = || {
            ["a", "b", "c"].map(|table| {
                let input = json!({ "TableName": table });
                let call = AwsCall { input, ..call(Service::DynamoDb, "Query") };
                faults.strike(&call).is_some()
            })
        };
        set(order(json!("a"), "throttle")).unwrap();
        set(order(json!("b"), "timeout")).unwrap();
        assert_eq!(strikes(), [true, true, false]);
        set(order(json!("a"), "none")).unwrap();
        assert_eq!(strikes(), [false, true, false]);
        set(order(Value::Null, "none")).unwrap();
        assert_eq!(strikes(), [false; 3]);
        let wrong = json!({ "service": "kinesis", "fault": "throttle", "rate": 1.0, "table": "a" });
        assert!(set(wrong).is_err());
    }

    #[test]
    fn what_struck_is_counted_beside_what_might_have() {
        let faults = Faults::new(None);
        let request = json!({ "service": "kinesis", "fault": "throttle", "rate": 1.0 });
        faults.set(serde_json::from_value(request).unwrap()).unwrap();
        for service in [Service::Kinesis, Service::DynamoDb, Service::S3] {
            faults.strike(&call(service, "PutRecords"));
        }
        let common = json!({ "unreachable": 0, "throttle": 0, "timeout": 0, "lost-reply": 0 });
        let (mut dynamodb, mut kinesis) = (common.clone(), common);
        for name in ["transaction-conflict", "torn"] {
            dynamodb[name] = 0.into();
        }
        for (name, struck) in
            [("throttle", 1), ("partial-failure", 0), ("duplicate", 0), ("reorder", 0)]
        {
            kinesis[name] = struck.into();
        }
        assert_eq!(faults.struck(), json!({ "dynamodb": dynamodb, "kinesis": kinesis }));
    }
}
