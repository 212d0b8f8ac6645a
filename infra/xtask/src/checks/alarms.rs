//! What alarms watch. Every function that reads a stream has one on its iterator age: it is the
//! only sign that views fall behind. Every metric of ours that an alarm names is emitted by some
//! function. Every metric that is emitted is watched, or is known to tell of nothing that waits.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::template::{Template, events, text};

/// The namespace of the metrics that the functions emit.
const OURS: &str = "Headwater";

/// Metrics that nobody has to be called for: they count what went well, or what another alarm tells
/// of.
const QUIET: [&str; 12] = [
    // What waits for a newer build is a deployment for some minutes: `NewerStreamsAge` tells of
    // longer.
    "NewerEvents",
    "NewerStreams",
    "StreamsTakenUp",
    // Its record comes again, and from the failures bucket after that: `FailureAgeSeconds` tells.
    "MailsLeftToNewerBuild",
    "ArchivedBytes",
    "ArchivedCommits",
    "GrantsReconciled",
    "MailsSent",
    "MailsSentBefore",
    // What the relay could not put comes again: its iterator age tells.
    "RelayFailedRecords",
    "Redriven",
    // Each is kept in the failures bucket, where `RefusedRecords` counts it.
    "ExternalUsersRefused",
];

pub(super) fn check(template: &Template, emitted: &BTreeSet<String>) -> Vec<String> {
    let mut findings = unwatched_streams(template);
    let watched: BTreeSet<&str> = alarms(template)
        .filter(|alarm| alarm["Namespace"] == OURS)
        .map(|alarm| text(&alarm["MetricName"]))
        .collect();
    findings.extend(watched.iter().filter(|metric| !emitted.contains(**metric)).map(|metric| {
        format!(
            "an alarm watches {metric}, which no function emits, so it can never go off: name a \
             metric that there is"
        )
    }));
    let loud = emitted.iter().map(String::as_str).filter(|metric| !QUIET.contains(metric));
    findings.extend(loud.filter(|metric| !watched.contains(metric)).map(|metric| {
        format!(
            "no alarm watches {metric}: add one to template.yaml or, if nobody has to be called \
             for it, to QUIET in infra/xtask"
        )
    }));
    findings
}

fn unwatched_streams(template: &Template) -> Vec<String> {
    let watched: Vec<&str> = alarms(template)
        .filter(|alarm| alarm["MetricName"] == "IteratorAge")
        .map(|alarm| text(&alarm["Dimensions"][0]["Value"]))
        .collect();
    template
        .functions()
        .filter(|(id, function)| {
            events(function).any(|event| matches!(event.kind, "Kinesis" | "DynamoDB"))
                && !watched.contains(id)
        })
        .map(|(id, _)| {
            format!("{id} reads a stream, but no alarm watches its IteratorAge: add one")
        })
        .collect()
}

/// The properties of all alarms.
fn alarms(template: &Template) -> impl Iterator<Item = &serde_json::Value> {
    template
        .resources()
        .filter(|(_, kind, _)| *kind == "AWS::CloudWatch::Alarm")
        .map(|(_, _, properties)| properties)
}

/// The metrics that the functions of the workspace at `root` emit by name.
///
/// # Errors
/// The sources cannot be read.
pub(super) fn emitted(root: &Path) -> Result<BTreeSet<String>> {
    let mut metrics = BTreeSet::new();
    read_sources(&root.join("functions"), &mut |source| metrics.extend(metrics_of(source)))?;
    // What any function tells of its own start.
    let start = root.join("shared/lambda/src/app.rs");
    metrics.extend(metrics_of(
        &fs::read_to_string(&start).with_context(|| start.display().to_string())?,
    ));
    Ok(metrics)
}

fn read_sources(folder: &Path, take: &mut impl FnMut(&str)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            read_sources(&path, take)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            take(&fs::read_to_string(&path).with_context(|| path.display().to_string())?);
        }
    }
    Ok(())
}

/// The names in calls `metric(service, "Name", …)`, and those that a function answers with
/// whose name begins with `metric`.
fn metrics_of(source: &str) -> Vec<String> {
    let is_name = |text: &&str| {
        text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphanumeric)
    };
    let in_calls = source.split("metric(").skip(1).filter_map(|call| {
        let (_, rest) = call.split_once(',')?;
        rest.trim_start().strip_prefix('"')?.split('"').next()
    });
    let answered = source.split("fn metric").skip(1).flat_map(|body| {
        body.split("\n    }").next().unwrap_or_default().split('"').skip(1).step_by(2)
    });
    in_calls.chain(answered).filter(is_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    fn of(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn our_stream_functions_and_metrics_are_watched() {
        let emitted = emitted(&crate::workspace_root().unwrap()).unwrap();
        for metric in [
            "ParkedStreams",
            "FailureAgeSeconds",
            "MailsWaiting",
            "RefusedRecords",
            "ExternalUsersParked",
            "GrantsNotRemembered",
            "UniqueKeyRefused",
        ] {
            assert!(emitted.contains(metric), "{metric}: {emitted:?}");
        }
        none(&check(&ours(), &emitted));
    }

    #[test]
    fn an_unwatched_stream_function_is_found() {
        let function =
            "  F: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: Kinesis}}}}";
        let alarm = "  A: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: IteratorAge, \
                     Dimensions: [{Name: FunctionName, Value: !Ref F}]}}";
        one(&check(&template(function), &of(&[])), "F reads a stream");
        none(&check(&template(&format!("{function}\n{alarm}")), &of(&[])));
    }

    #[test]
    fn a_metric_is_on_both_sides_or_on_none() {
        let alarm = "  A: {Type: AWS::CloudWatch::Alarm, Properties: {Namespace: Headwater, \
                     MetricName: Parked}}";
        none(&check(&template(alarm), &of(&["Parked", "MailsSent"])));
        one(&check(&template(alarm), &of(&["Lost", "Parked"])), "no alarm watches Lost");
        one(&check(&template(alarm), &of(&[])), "which no function emits");
    }

    #[test]
    fn metrics_are_found_in_calls_and_in_answers() {
        let source = "metric(DOMAIN, \"Parked\", 1.0); metric(x, y.metric(), 1.0);\n    fn \
                      metric(self) -> &str {\n        match self { A => \"Sent\", B => \"Lost\" \
                      }\n    }\n\"Other\"";
        assert_eq!(metrics_of(source), ["Parked", "Sent", "Lost"]);
    }
}
