//! A function: its code, role, size and environment, and what invokes it.

use headwater_lambda::deployment::{Source, SourceKind, Trigger};
use headwater_lambda::{Access, Call, Function, Kind, Service};

use crate::{pascal, roles};

/// The logical id of a function.
pub(crate) fn id(function: &Function) -> String {
    format!("{}Function", pascal(&function.name))
}

/// The resource of a function.
pub(crate) fn of(service: &Service, function: &Function) -> String {
    let (id, name, package) = (id(function), &function.name, service.package);
    let (role, logs) = (roles::id(service, function), pascal(service.name));
    let (concurrency, size) = (concurrency(&function.trigger), size(&function.trigger));
    let (environment, events) = (environment(function), events(function));
    format!(
        "  {id}:
    Type: AWS::Serverless::Function
    Properties:
      Handler: {name}
      CodeUri: target/lambda/{package}/
      Role: !GetAtt {role}.Arn
      ReservedConcurrentExecutions: !If [Has{concurrency}, !Ref {concurrency}, !Ref AWS::NoValue]
{size}      LoggingConfig: {{LogGroup: !Ref {logs}Logs}}
{environment}      Events:
{events}
"
    )
}

/// The parameter that bounds how many run at once.
fn concurrency(trigger: &Trigger) -> &str {
    match trigger {
        Trigger::Command => "CommandConcurrency",
        Trigger::Query | Trigger::Document => "QueryConcurrency",
        Trigger::Stream(source) => source.concurrency,
        Trigger::EveryMinute | Trigger::EveryHour => "RedriveConcurrency",
    }
}

/// What differs from the template's `Globals`.
fn size(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Command | Trigger::Document => String::new(),
        Trigger::Query => "      Timeout: 15\n".to_owned(),
        Trigger::Stream(source) => {
            format!("      Timeout: {}\n      MemorySize: 512\n", source.timeout)
        }
        // Under a minute, so that runs seldom overlap. A run that was refused or failed is not
        // queued for hours: the next minute brings the next one.
        Trigger::EveryMinute => "      Timeout: 50
      EventInvokeConfig: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}
      MemorySize: 512
"
        .to_owned(),
        Trigger::EveryHour => "      Timeout: 900
      EventInvokeConfig: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}
      MemorySize: 1024
"
        .to_owned(),
    }
}

fn environment(function: &Function) -> String {
    let variables: String = function
        .environment()
        .iter()
        .map(|(name, value)| format!("          {name}: {value}\n"))
        .collect();
    if variables.is_empty() {
        return variables;
    }
    format!("      Environment:\n        Variables:\n{variables}")
}

fn events(function: &Function) -> String {
    match (&function.trigger, function.call()) {
        (Trigger::Stream(source), _) => records(source),
        (Trigger::EveryMinute, _) => {
            "        EveryMinute: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}\n"
                .to_owned()
        }
        (Trigger::EveryHour, _) => {
            "        EveryHour: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}\n".to_owned()
        }
        (_, Some(call)) => routes(call),
        (_, None) => String::new(),
    }
}

/// The routes of a call: `HEAD` is one wherever `GET` is. What answers every other request has
/// neither method nor path.
fn routes(call: &Call) -> String {
    let open = match call.access {
        Access::Public => ", Auth: {Authorizer: NONE}",
        _ => "",
    };
    let route = |name: &str, method: &str| {
        let path = &call.path;
        format!(
            "        {name}: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: {method}, \
             Path: \"{path}\"{open}}}}}\n"
        )
    };
    if call.kind == Kind::Fallback {
        return format!(
            "        Route: {{Type: HttpApi, Properties: {{ApiId: !Ref Api{open}}}}}\n"
        );
    }
    match call.method {
        "GET" => route("Route", "GET") + &route("Head", "HEAD"),
        method => route("Route", method),
    }
}

fn records(source: &Source) -> String {
    let Source { name, stream, batch, at_once, retries, patience, .. } = source;
    let kind = match source.kind {
        SourceKind::DynamoDb => "DynamoDB",
        SourceKind::Kinesis => "Kinesis",
    };
    // A window of 0 starts a batch as soon as a record is there. What fails is retried from the
    // first record that failed; what is given up on goes whole into the failures bucket.
    format!(
        "        {name}:
          Type: {kind}
          Properties:
            Stream: {stream}
            StartingPosition: TRIM_HORIZON
            BatchSize: {batch}
            MaximumBatchingWindowInSeconds: 0
            ParallelizationFactor: {at_once}
            MaximumRetryAttempts: {retries}
            MaximumRecordAgeInSeconds: {patience}
            BisectBatchOnFunctionError: true
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {{OnFailure: {{Destination: !GetAtt FailuresBucket.Arn}}}}
"
    )
}
