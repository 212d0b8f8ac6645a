//! `!Ref`, `!GetAtt` and `${…}` name something of this template. Both linters look at what SAM has
//! made of a function, and there a name that leads nowhere goes unseen until it is deployed.

use crate::template::Template;

/// What stands before a name.
const BEFORE_A_NAME: [&str; 3] = ["!Ref ", "!GetAtt ", "${"];

pub(super) fn check(template: &Template) -> Vec<String> {
    let lines =
        template.text().lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    lines
        .flat_map(|(index, line)| names(line).map(move |name| (index + 1, name)))
        .filter(|(_, name)| !template.defines(name))
        .map(|(number, name)| {
            format!("line {number}: {name} is no parameter and no resource: is it misspelt?")
        })
        .collect()
}

/// The names that a line refers to.
fn names(line: &str) -> impl Iterator<Item = &str> {
    BEFORE_A_NAME.iter().flat_map(move |before| {
        line.match_indices(before).map(|(start, _)| name(&line[start + before.len()..]))
    })
}

/// The name at the start of `text`: letters, digits and the colons of `AWS::Region`.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != ':').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_references_lead_somewhere() {
        none(&check(&ours()));
    }

    #[test]
    fn references() {
        let rows = [
            ("!Ref T", true),
            ("!Ref AWS::Region", true),
            ("!GetAtt T.Arn", true),
            ("!Sub \"${T.Arn}/*\"", true),
            ("!Sub \"${AWS::StackName}-${T}\"", true),
            ("!Ref X", false),
            ("!GetAtt X.Arn", false),
            ("!Sub \"${T.Arn}/${X}\"", false),
        ];
        for (value, known) in rows {
            let findings = check(&template(&format!(
                "  T:\n    Properties: {{P: {value}}}\n    # !Ref Nothing, in a comment"
            )));
            if known { none(&findings) } else { one(&findings, "line 3: X is no parameter") }
        }
    }
}
