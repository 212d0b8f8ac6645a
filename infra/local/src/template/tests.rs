use std::time::Duration;

use serde_json::json;

use super::*;

const FIXTURE: &str = include_str!("fixture.yaml");

fn parse(text: &str) -> Result<Template> {
    parse_with(text, &[])
}

fn parse_with(text: &str, given: &[(&str, &str)]) -> Result<Template> {
    let given =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Template::parse(text, &given, &mut |name| Ok(format!("secret of {name}")))
}

fn fixture() -> Template {
    parse(FIXTURE).unwrap()
}

/// The error of the fixture with one text replaced.
fn error_with(from: &str, to: &str) -> String {
    assert!(FIXTURE.contains(from), "the fixture lacks {from}");
    format!("{:#}", parse(&FIXTURE.replacen(from, to, 1)).unwrap_err())
}

#[test]
fn short_tags_take_their_long_form() {
    let parsed = yaml::parse("a: !Ref X\nb: !If [c, !GetAtt Y.Arn, {Ref: Z}]\nc: !!str 5").unwrap();
    let expected = json!({
        "a": {"Ref": "X"},
        "b": {"Fn::If": ["c", {"Fn::GetAtt": "Y.Arn"}, {"Ref": "Z"}]},
        "c": "5",
    });
    assert_eq!(parsed, expected);
}

#[test]
fn tables_have_names_keys_and_streams() {
    let template = fixture();
    let [table] = template.tables.as_slice() else { panic!("{:?}", template.tables) };
    assert_eq!(table.name, "app-events");
    assert_eq!(table.arn, "arn:aws:dynamodb:us-east-1:000000000000:table/app-events");
    assert_eq!(table.partition_key, Key { name: "stream".into(), kind: "S".into() });
    assert_eq!(table.sort_key, Some(Key { name: "seq".into(), kind: "N".into() }));
    assert_eq!(table.stream_view_type.as_deref(), Some("NEW_AND_OLD_IMAGES"));
    assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
}

#[test]
fn streams_buckets_and_queues_have_names() {
    let template = fixture();
    let commits = &template.streams[0];
    assert_eq!(
        (commits.name.as_str(), commits.shards, commits.retention_hours),
        ("Commits", Some(2), Some(48))
    );
    assert_eq!(template.buckets[0].name, "failuresbucket");
    assert_eq!(template.queues[0].arn, "arn:aws:sqs:us-east-1:000000000000:DeadQueue");
    let on_demand = parse(&FIXTURE.replace("[IsSmall", "[IsBig")).unwrap();
    assert_eq!(on_demand.streams[0].shards, None);
}

#[test]
fn functions_merge_the_globals() {
    let template = fixture();
    let relay = template.function("relay").unwrap();
    assert_eq!((relay.timeout, relay.memory), (Duration::from_secs(7), 512));
    assert_eq!(relay.reserved_concurrency, Some(3));
    let environment: Vec<_> =
        relay.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected =
        [("EVENTS_TABLE", "app-events"), ("LEVEL", "debug"), ("UNIQUE_KEY", "secret of Key")];
    assert_eq!(environment, expected);
}

#[test]
fn event_sources_carry_every_setting() {
    let template = fixture();
    let source = &template.function("relay").unwrap().event_sources[0];
    assert_eq!(source.kind, SourceKind::DynamoDb);
    assert_eq!(source.stream_arn, template.tables[0].stream_arn);
    assert_eq!(source.starting_position, StartingPosition::TrimHorizon);
    assert_eq!((source.batch_size, source.batching_window), (50, Duration::from_secs(1)));
    assert_eq!((source.parallelization_factor, source.retries), (4, None));
    assert_eq!(source.maximum_record_age, Some(Duration::from_secs(3600)));
    assert!(source.enabled && source.bisect && source.reports_item_failures);
    assert_eq!(source.failure_bucket.as_deref(), Some("failuresbucket"));
    assert_eq!(source.id, fixture().functions[0].event_sources[0].id);
}

#[test]
fn routes_and_schedules() {
    let template = fixture();
    let relay = template.function("relay").unwrap();
    let routes: Vec<_> =
        relay.routes.iter().map(|r| (r.method.as_str(), r.path.as_str(), r.authorized)).collect();
    assert_eq!(routes, [("POST", "/things/{id}", true), ("GET", "/open", false)]);
    assert_eq!(relay.schedules[0].every, Duration::from_secs(120));
}

#[test]
fn the_authorizer_takes_a_local_issuer() {
    let expected =
        Authorizer { issuer: "local:Issuer".into(), audience: vec!["one".into(), "two".into()] };
    assert_eq!(fixture().authorizer, Some(expected));
}

#[test]
fn concurrency_is_reserved_where_a_parameter_says_how_much() {
    let reserved = |given: &[(&str, &str)]| {
        parse_with(FIXTURE, given).unwrap().function("limited").unwrap().reserved_concurrency
    };
    assert_eq!(reserved(&[]), None);
    assert_eq!(reserved(&[("Reserved", "5")]), Some(5));
}

#[test]
fn the_stage_limits_its_routes() {
    assert_eq!(fixture().throttle, Some(Throttle { rate: Some(20.5), burst: Some(9) }));
    let none = FIXTURE.replace("DefaultRouteSettings: {", "Other: {");
    assert_eq!(parse(&none).unwrap().throttle, None);
}

#[test]
fn given_parameters_take_the_place_of_defaults() {
    let template = parse_with(FIXTURE, &[("Prefix", "other"), ("Key", "k")]).unwrap();
    assert_eq!(template.tables[0].name, "other-events");
    assert_eq!(template.functions[0].environment["UNIQUE_KEY"], "k");
    for (name, value, expected) in [
        ("Prefixx", "a", "no parameter Prefixx"),
        ("Reserved", "many", "Reserved is a number, not many"),
    ] {
        let error = format!("{:#}", parse_with(FIXTURE, &[(name, value)]).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn roles_allow_what_they_say() {
    let role = &fixture().functions[0].role;
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/app-events";
    let stream = format!("{table}/stream/local");
    assert_eq!(
        role.statements[0].resources,
        ["arn:aws:dynamodb:us-east-1:000000000000:table/app-*"]
    );
    assert!(role.statements[0].covers("dynamodb:Query", table));
    for (action, resource, allowed) in [
        ("dynamodb:GetRecords", stream.as_str(), true),
        ("dynamodb:getrecords", stream.as_str(), true),
        ("dynamodb:GetRecords", table, false),
        ("dynamodb:Query", table, false), // only under a condition
        ("s3:PutObject", "arn:aws:s3:::failuresbucket/a/b", true),
        ("s3:PutObject", "arn:aws:s3:::failuresbucket", false),
        ("s3:DeleteObject", "arn:aws:s3:::failuresbucket/a", false),
    ] {
        assert_eq!(role.allows(action, resource), allowed, "{action} {resource}");
    }
}

#[test]
fn a_denial_wins() {
    let denied = FIXTURE.replace(
        "- Effect: Allow\n                Action: s3",
        "- Effect: Deny\n                Action: s3",
    );
    let error = format!("{:#}", parse(&denied).unwrap_err());
    assert!(error.contains("the role RelayRole needs s3:PutObject"), "{error}");
}

#[test]
fn wildcards() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*ab*ab", "xababab", true),
        ("abc", "abcd", false),
    ] {
        assert_eq!(roles::matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn what_one_machine_cannot_do_is_a_clear_error() {
    for (from, to, expected) in [
        ("BisectBatchOn", "BisectBatchesOn", "event Commits: unknown field `BisectBatchesOn"),
        ("BatchSize: 50", "TumblingWindowInSeconds: 5", "unknown field `TumblingWindowInSeconds`"),
        ("rate(2 minutes)", "cron(0 * * * ? *)", "only rate(…)"),
        ("Type: Schedule", "Type: SNS", "events of type SNS are not supported"),
        ("!GetAtt RelayRole.Arn", "!GetAtt Missing.Arn", "there is no resource Missing"),
        ("!GetAtt FailuresBucket.Arn}", "!GetAtt DeadQueue.Arn}", "only S3 is supported"),
        ("!Ref Key", "!Base64 Key", "Fn::Base64 is not supported"),
        ("Action: s3:PutObject", "NotAction: s3:PutObject", "NotAction in a statement"),
        ("DefaultAuthorizer: Jwt", "Else: Jwt", "wants an authorizer and the API has none"),
        ("dynamodb:GetRecords, ", "", "the role RelayRole needs dynamodb:GetRecords on"),
    ] {
        let error = error_with(from, to);
        assert!(error.contains(expected), "{from} -> {to}: {error}");
    }
}
