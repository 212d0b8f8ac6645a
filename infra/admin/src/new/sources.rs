//! The files of a service, and the places in them that its aggregates and commands have.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::Place;
use super::edit::File;
use super::names::Name;

/// The files of a service's domain, and the one with its table.
pub(super) struct Sources {
    files: Vec<File>,
    domain: PathBuf,
    /// The file with the table.
    table: PathBuf,
    /// What the calls of a project cost, if it has such a test.
    costs: Option<File>,
    /// What a project has stored loads for ever, if it has such a test.
    golden: Option<File>,
    /// In a repository of several services.
    service: Option<Name>,
}

impl Sources {
    /// Reads them all.
    ///
    /// # Errors
    /// If there is no such service, or no project here.
    pub(super) fn read(place: &Place) -> Result<Self> {
        let service = place.service.clone();
        let (domain, table) = match &service {
            Some(service) => (
                PathBuf::from(format!("shared/{}/src", service.kebab())),
                PathBuf::from(format!("functions/{}/src/lib.rs", service.kebab())),
            ),
            None => (PathBuf::from("src"), PathBuf::from("src/lib.rs")),
        };
        for needed in [domain.join("lib.rs"), table.clone()] {
            ensure!(
                needed.exists(),
                "{} is missing: run this in the folder of a project, or in a repository of \
                 several services with `--service NAME`",
                needed.display()
            );
        }
        let mut files = Vec::new();
        read_folder(&domain, &mut files)?;
        if service.is_some() {
            files.push(File::read(table.clone())?);
        }
        let test = |name: &str| {
            let path = Path::new("tests").join(name);
            (service.is_none() && path.exists()).then(|| File::read(path)).transpose()
        };
        let (costs, golden) = (test("costs.rs")?, test("golden.rs")?);
        Ok(Self { files, domain, table, costs, golden, service })
    }

    /// The folder of the domain's files.
    pub(super) fn domain(&self) -> &Path {
        &self.domain
    }

    /// The file with the service's table.
    pub(super) fn table(&mut self) -> Result<&mut File> {
        let table = self.table.clone();
        self.file(&table)
    }

    /// The file of the domain as a whole. In a project it has the table, too.
    pub(super) fn lib(&mut self) -> Result<&mut File> {
        let lib = self.domain.join("lib.rs");
        self.file(&lib)
    }

    /// The test of what the calls of a project cost, if it has one.
    pub(super) fn costs(&mut self) -> Option<&mut File> {
        self.costs.as_mut()
    }

    /// The test of what a project has stored, if it has one.
    pub(super) fn golden(&mut self) -> Option<&mut File> {
        self.golden.as_mut()
    }

    pub(super) fn is_one_of_several(&self) -> bool {
        self.service.is_some()
    }

    /// A file of these.
    pub(super) fn file(&mut self, path: &Path) -> Result<&mut File> {
        let found = self.files.iter_mut().find(|file| file.path() == path);
        found.with_context(|| format!("{} is missing: nothing was changed", path.display()))
    }

    /// Those that have a text, tests left out.
    pub(super) fn with(&self, text: &str) -> Vec<&File> {
        let is_test = |file: &File| file.path().ends_with("tests.rs");
        self.files.iter().filter(|file| !is_test(file) && file.contains(text)).collect()
    }

    /// The file that has a text.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn path_with(&self, text: &str) -> Result<PathBuf> {
        let found = self.with(text).first().map(|file| file.path().to_owned());
        found.with_context(|| {
            format!("no file of {} has `{text}`: nothing was changed", self.domain.display())
        })
    }

    /// All files, to look at each.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut File> {
        self.files.iter_mut()
    }

    pub(super) fn add(&mut self, file: File) {
        self.files.push(file);
    }

    /// The path by which the table names what is in a module of the domain: `identity::user`, or
    /// `crate::order` in a project.
    pub(super) fn module_in_table(&self, file: &Path) -> String {
        let module = self.module(file);
        match &self.service {
            Some(service) => format!("{}::{module}", service.snake()),
            None => format!("crate::{module}"),
        }
    }

    /// The module of a file, as `commands::renew`.
    pub(super) fn module(&self, file: &Path) -> String {
        let below = file.strip_prefix(&self.domain).unwrap_or(file).with_extension("");
        below.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("::")
    }

    /// Where the test kit is.
    pub(super) fn testkit(&self) -> &'static str {
        if self.is_one_of_several() { "headwater_testkit" } else { "headwater::testkit" }
    }

    /// The name in front of the service's paths: `shop`.
    pub(super) fn domain_name(&mut self) -> Result<String> {
        const DOMAIN: &str = "pub const DOMAIN: &str = \"";
        let lib = self.lib()?;
        let rest = &lib.text()[lib.find(DOMAIN)? + DOMAIN.len()..];
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }

    /// The path of an aggregate's calls in the table: `/orders`.
    ///
    /// # Errors
    /// If the table has none, or if its things are not named by one id.
    pub(super) fn path_of(&mut self, aggregate: &str) -> Result<String> {
        let opening = calls_of(aggregate);
        let table = self.table()?;
        let block = table.block(&opening)?;
        let calls = &table.text()[block];
        let path = calls.split('"').nth(1).unwrap_or_default().to_owned();
        if path.contains('{') || calls.contains(".put_only::<") {
            bail!(
                "a line of `{opening}` in {} cannot say the ids of what it is about: write the \
                 command by hand, with a handler of its own beside the others",
                table.path().display()
            );
        }
        Ok(path)
    }

    /// Adds a line for a command to the table, behind those of the other commands.
    pub(super) fn add_line(&mut self, aggregate: &str, line: &str) -> Result<()> {
        let table = self.table()?;
        let block = table.block(&calls_of(aggregate))?;
        let mut at = block.start;
        for existing in table.text()[block.clone()].split_inclusive('\n') {
            let code = existing.trim_start();
            if [".call(", ".row::<", ".list::<"].iter().any(|query| code.starts_with(query)) {
                let indent = existing[..existing.len() - code.len()].to_owned();
                table.insert_lines(at, &indent, line);
                return Ok(());
            }
            at += existing.len();
        }
        table.insert_at_end_of(&block, &format!("    {line}"));
        Ok(())
    }

    /// Writes what has changed, each file as rustfmt would have it, if there is one.
    pub(super) fn write(&self) -> Result<()> {
        let files = self.files.iter().chain(&self.costs).chain(&self.golden);
        files.filter(|file| file.is_changed()).try_for_each(File::write)
    }
}

/// How the calls of an aggregate begin in the service's table.
fn calls_of(aggregate: &str) -> String {
    format!(".aggregate::<{aggregate}>(")
}

fn read_folder(folder: &Path, files: &mut Vec<File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(File::read(path)?);
        }
    }
    Ok(())
}
