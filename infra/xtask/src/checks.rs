//! The rules of `template.yaml` that no linter knows. A finding says what is wrong and what to do
//! instead.

use std::path::Path;

use anyhow::Result;

use crate::template::Template;
use crate::workspace::deployed_binaries;

mod alarms;
mod binaries;
mod concurrency;
mod event_sources;
mod gateway;
mod generations;
mod permissions;
mod queries;
mod references;
mod routes;
mod size;

/// Runs every check on the template of the workspace at `root`; an empty answer means that all is
/// well.
///
/// # Errors
/// The workspace's binaries can't be listed, or its sources not read.
pub(crate) fn run_all(template: &Template, root: &Path) -> Result<Vec<String>> {
    let mut findings = size::check(template);
    findings.extend(references::check(template));
    findings.extend(permissions::check(template));
    findings.extend(event_sources::check(template));
    findings.extend(alarms::check(template, &alarms::emitted(root)?));
    findings.extend(queries::check(template));
    findings.extend(routes::check(template));
    findings.extend(generations::check(template));
    findings.extend(gateway::check(template));
    findings.extend(concurrency::check(template));
    findings.extend(binaries::check(template, &deployed_binaries(root)?));
    Ok(findings)
}

#[cfg(test)]
mod testing {
    use crate::template::Template;

    /// The workspace's own template.
    pub(super) fn ours() -> Template {
        let root = crate::workspace_root().expect("a workspace");
        Template::read(&root.join("template.yaml")).expect("our template")
    }

    /// A template with these resources, written as in the file (indented by two).
    pub(super) fn template(resources: &str) -> Template {
        Template::parse(&format!("Resources:\n{resources}")).expect("a template")
    }

    /// Expects exactly one finding, and that it contains `words`.
    #[track_caller]
    pub(super) fn one(findings: &[String], words: &str) {
        assert!(
            findings.len() == 1 && findings[0].contains(words),
            "expected one finding with {words:?}: {findings:#?}"
        );
    }

    /// Expects that nothing was found.
    #[track_caller]
    pub(super) fn none(findings: &[String]) {
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
