//! The alarms that every function behind a stream and every service with views has.

use headwater_lambda::deployment::{Trigger, UNIQUE_KEY};
use headwater_lambda::{Function, Service};

use crate::{functions, pascal};

/// The alarms of a service.
pub(crate) fn of(service: &Service) -> String {
    let of_functions: String = service.functions.iter().map(of_function).collect();
    let has_views = service.functions.iter().any(|f| f.name == format!("{}-project", service.name));
    let has_unique_values =
        service.functions.iter().any(|function| function.environment().contains(&UNIQUE_KEY));
    let unique_key = has_unique_values.then(|| {
        alarm(
            service,
            "UniqueKey",
            "A function was started with another UniqueValueKey than the table's; it refuses \
             commands that claim a name (docs/how-to/rotate-keys.md).",
            "UniqueKeyRefused",
            ("Sum", 1, 0, "notBreaching"),
        )
    });
    let views = has_views.then(|| {
        alarm(
            service,
            "ParkedStreams",
            "An event that cannot be folded has parked a stream; repair and resume it (headwater \
             waiting).",
            "ParkedStreams",
            // The projector tells of a stream when it parks it, `sweep` each minute of all.
            ("Maximum", 1, 0, "notBreaching"),
        ) + &alarm(
            service,
            "NewerStreams",
            "For over an hour streams have waited for a newer build than the one that runs; \
             deploy it, or headwater waiting.",
            "NewerStreamsAge",
            ("Maximum", 3, 3_600, "ignore"),
        )
    });
    of_functions + &unique_key.unwrap_or_default() + &views.unwrap_or_default()
}

/// Of a function behind a stream: that it is late, and that it fails.
fn of_function(function: &Function) -> String {
    let Trigger::Stream(source) = &function.trigger else { return String::new() };
    let (name, id) = (pascal(&function.name), functions::id(function));
    let dimensions = format!("[{{Name: FunctionName, Value: !Ref {id}}}]");
    let late = resource(
        &format!("{name}IteratorAge"),
        &source.when_late,
        ("AWS/Lambda", "IteratorAge", &dimensions),
        ("Maximum", 5, 60_000, "notBreaching"),
    );
    let failing = resource(
        &format!("{name}Errors"),
        "Invocations of this function fail.",
        ("AWS/Lambda", "Errors", &dimensions),
        ("Sum", 3, 0, "notBreaching"),
    );
    late + &failing
}

/// An alarm on one of our own metrics.
fn alarm(
    service: &Service,
    name: &str,
    description: &str,
    metric: &str,
    condition: Condition<'_>,
) -> String {
    let dimensions = format!("[{{Name: Service, Value: {}}}]", service.name);
    let name = pascal(service.name) + name;
    resource(&name, description, ("Headwater", metric, &dimensions), condition)
}

/// Statistic of a minute, how many minutes in a row, the threshold that it is above, and what
/// missing data counts as.
type Condition<'a> = (&'a str, u32, u32, &'a str);

fn resource(
    name: &str,
    description: &str,
    (namespace, metric, dimensions): (&str, &str, &str),
    (statistic, minutes, threshold, missing): Condition<'_>,
) -> String {
    format!(
        "  {name}Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: {description}
      Namespace: {namespace}
      MetricName: {metric}
      Dimensions: {dimensions}
      Statistic: {statistic}
      Period: 60
      EvaluationPeriods: {minutes}
      ComparisonOperator: GreaterThanThreshold
      Threshold: {threshold}
      TreatMissingData: {missing}
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]

"
    )
}
