//! One line of the log per invocation, as JSON, which is at once the metrics: CloudWatch reads its
//! Embedded Metric Format from it
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::io::Write;
use std::time::Instant;

use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::{Map, Value, json};
use tracing_subscriber::EnvFilter;

use crate::{App, Call, Problem, Request};

/// Logs go to standard output as JSON; `RUST_LOG` chooses, warnings if it is absent.
pub(crate) fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second call, as in tests, changes nothing.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).without_time().try_init();
}

/// One invocation, from its start.
pub(crate) struct Observed {
    started: Instant,
    fields: Map<String, Value>,
}

impl Observed {
    /// An HTTP call. Until the request is read, the gateway's id of it is all that is known.
    pub(crate) fn call(call: &Call, service: &str, request_id: &str) -> Self {
        let route = format!("{} {}", call.method, call.path);
        Self::start(
            &call.function,
            service,
            json!({ "route": route, "requestId": request_id, "correlationId": request_id }),
        )
    }

    /// Another event.
    pub(crate) fn event(function: &str, service: &str) -> Self {
        Self::start(function, service, json!({}))
    }

    fn start(function: &str, service: &str, fields: Value) -> Self {
        let Value::Object(mut fields) = fields else {
            return Self { started: Instant::now(), fields: Map::new() };
        };
        fields.insert("Service".to_owned(), service.into());
        fields.insert("Function".to_owned(), function.into());
        Self { started: Instant::now(), fields }
    }

    /// Adds what the request tells.
    pub(crate) fn request(&mut self, request: &Request) {
        self.set("correlationId", request.correlation_id.as_str());
        self.set("requestId", request.request_id.as_str());
        self.set("tenant", request.caller.tenant.as_str());
        self.set("actor", request.caller.subject.as_str());
        self.set("path", request.raw_path.as_str());
    }

    /// The correlation id; until the request is read, the gateway's.
    pub(crate) fn correlation_id(&self) -> &str {
        self.fields.get("correlationId").and_then(Value::as_str).unwrap_or_default()
    }

    /// Writes the line of an HTTP call.
    pub(crate) fn finish_call(mut self, app: &App, status: u16, problem: Option<&Problem>) {
        self.set("status", status);
        if let Some(problem) = problem {
            self.set("problem", problem.name());
            if let Some(cause) = &problem.cause {
                self.set("cause", cause.as_str());
            }
        }
        let cost = app.take_usage();
        self.write(&[
            ("Conflicts", cost.conflicts as f64, "Count"),
            ("Retries", cost.retries as f64, "Count"),
            ("ReadUnits", cost.read_units, "Count"),
            ("WriteUnits", cost.write_units, "Count"),
            ("ServerErrors", f64::from(u8::from(status >= 500)), "Count"),
        ]);
    }

    /// Writes the line of another event.
    pub(crate) fn finish_event<T>(mut self, answer: &Result<T, Error>) {
        if let Err(error) = answer {
            self.set("cause", error.to_string());
        }
        self.write(&[("Failures", f64::from(u8::from(answer.is_err())), "Count")]);
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    fn write(mut self, metrics: &[(&str, f64, &str)]) {
        let duration = self.started.elapsed().as_secs_f64() * 1_000.0;
        let service =
            self.fields.get("Service").and_then(Value::as_str).unwrap_or_default().to_owned();
        let metrics: Vec<_> = [("Duration", duration, "Milliseconds")]
            .into_iter()
            .chain(metrics.iter().copied())
            .collect();
        emit(&service, std::mem::take(&mut self.fields), &metrics);
    }
}

/// Writes metrics of a service on their own, as the alarms read them: (name, value, CloudWatch's
/// unit).
///
/// ```
/// // An alarm can be set on `CoinsRefused` of the service `shop`.
/// headwater_lambda::metric("shop", "CoinsRefused", 1.0);
/// ```
pub fn metric(service: &str, name: &str, value: f64) {
    emit(service, Map::new(), &[(name, value, "Count")]);
}

/// A line of the log with the given fields that CloudWatch also reads as metrics with the dimension
/// `Service`.
#[expect(
    clippy::let_underscore_must_use,
    reason = "a log that cannot be written must not fail the request"
)]
fn emit(service: &str, mut fields: Map<String, Value>, metrics: &[(&str, f64, &str)]) {
    let definitions: Vec<Value> =
        metrics.iter().map(|(name, _, unit)| json!({ "Name": name, "Unit": unit })).collect();
    fields.insert("Service".to_owned(), service.into());
    fields.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [
                { "Namespace": "Headwater", "Dimensions": [["Service"]], "Metrics": definitions },
            ],
        }),
    );
    for (name, value, _) in metrics {
        fields.insert((*name).to_owned(), (*value).into());
    }
    let _ = writeln!(std::io::stdout().lock(), "{}", Value::Object(fields));
}
