//! What one system needs beside the base.

use std::collections::BTreeMap;

/// The sections, each of which has a place in the base.
const SECTIONS: [&str; 5] = ["Parameters", "Resources", "Alarms", "Widgets", "Outputs"];

/// A section that the base has no place for.
#[derive(Debug, thiserror::Error)]
#[error("there is no section {0:?}: there are Parameters, Resources, Alarms, Widgets and Outputs")]
pub struct UnknownSection(String);

/// The text of each section, without the line that names it. Comments before the first are left
/// out.
pub(crate) fn sections(own: &str) -> Result<BTreeMap<&'static str, String>, UnknownSection> {
    let mut sections: BTreeMap<_, _> = SECTIONS.map(|name| (name, String::new())).into();
    let mut current = None;
    for line in own.lines() {
        if line.starts_with(|first: char| !first.is_whitespace() && first != '#') {
            let name = line.trim_end().trim_end_matches(':');
            let known = SECTIONS.into_iter().find(|section| *section == name);
            current = Some(known.ok_or_else(|| UnknownSection(name.to_owned()))?);
        } else if let Some(text) = current.and_then(|section| sections.get_mut(section)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    // Resources and alarms end in an empty line, as in the base; the dashboard's JSON has none.
    if let Some(widgets) = sections.get_mut("Widgets") {
        *widgets = widgets
            .lines()
            .filter(|line| !line.trim().is_empty())
            .fold(String::new(), |text, line| text + line + "\n");
    }
    if let Some(parameters) = sections.get_mut("Parameters") {
        parameters.truncate(parameters.trim_end().len());
        if !parameters.is_empty() {
            parameters.push('\n');
        }
    }
    Ok(sections)
}
