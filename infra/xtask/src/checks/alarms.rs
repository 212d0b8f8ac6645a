//! Every function that reads a stream has an alarm on its iterator age: it is the only sign that views fall behind.

use crate::template::{Template, events, text};

pub(super) fn check(template: &Template) -> Vec<String> {
    let watched: Vec<&str> = template
        .resources()
        .filter(|(_, kind, properties)| *kind == "AWS::CloudWatch::Alarm" && properties["MetricName"] == "IteratorAge")
        .map(|(_, _, properties)| text(&properties["Dimensions"][0]["Value"]))
        .collect();
    template
        .functions()
        .filter(|(id, function)| events(function).any(|event| matches!(event.kind, "Kinesis" | "DynamoDB")) && !watched.contains(id))
        .map(|(id, _)| format!("{id} reads a stream, but no alarm watches its IteratorAge: add one"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_stream_functions_are_watched() {
        none(&check(&ours()));
    }

    #[test]
    fn an_unwatched_stream_function_is_found() {
        let function = "  F: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: Kinesis}}}}";
        let alarm =
            "  A: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: IteratorAge, Dimensions: [{Name: FunctionName, Value: !Ref F}]}}";
        one(&check(&template(function)), "F reads a stream");
        none(&check(&template(&format!("{function}\n{alarm}"))));
    }
}
