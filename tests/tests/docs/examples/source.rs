//! A package as its source has it: its modules, and what it exports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, File, Item, ItemImpl, ItemUse, Lit, Meta, Type, UseTree, Visibility};

use crate::{read, root};

/// The modules of a package, each by its path: `""` is the root, `inner::deep` another.
pub(crate) struct Package {
    modules: BTreeMap<String, File>,
}

/// What a package exports under a name.
pub(crate) struct Export<'a> {
    pub(crate) name: String,
    pub(crate) item: &'a Item,
    /// The docs of the modules in which the docs of the package show it.
    pub(crate) modules: Vec<String>,
}

impl Package {
    /// Reads the library of the package in a folder, which is relative to the repository.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut package = Self { modules: BTreeMap::new() };
        let src = folder.join("src");
        package.take(String::new(), &src.join("lib.rs"), &src);
        package
    }

    /// One whose modules have these texts.
    pub(crate) fn of(name: &Path, modules: &[(&str, &str)]) -> Self {
        let parsed = modules.iter().map(|(path, text)| ((*path).to_owned(), parse(name, text)));
        Self { modules: parsed.collect() }
    }

    /// Takes in a module, and those below it, whose files are in `folder`.
    fn take(&mut self, path: String, file: &Path, folder: &Path) {
        let module = parse(file, &read(file));
        for item in &module.items {
            let Item::Mod(below) = item else { continue };
            if below.content.is_some() || below.attrs.iter().any(|a| a.path().is_ident("cfg")) {
                continue;
            }
            let name = below.ident.to_string();
            let own = folder.join(&name);
            self.take(join(&path, &name), &file_of(folder, &name), &own);
        }
        self.modules.insert(path, module);
    }

    /// All that the docs of the package show.
    pub(crate) fn exports(&self) -> Vec<Export<'_>> {
        let mut found = Vec::new();
        self.export("", &[], &mut found);
        found
    }

    fn export<'a>(&'a self, path: &str, above: &[String], found: &mut Vec<Export<'a>>) {
        let module = &self.modules[path];
        let modules = [above, &[docs(&module.attrs)]].concat();
        for item in module.items.iter().filter(|item| is_shown(item)) {
            match item {
                Item::Mod(below) if below.content.is_none() => {
                    self.export(&join(path, &below.ident.to_string()), &modules, found);
                }
                Item::Use(used) => {
                    for (name, item) in self.used(path, used) {
                        found.push(Export { name, item, modules: modules.clone() });
                    }
                }
                item => {
                    if let Some(name) = name(item) {
                        found.push(Export { name, item, modules: modules.clone() });
                    }
                }
            }
        }
    }

    /// What a module uses of this package by a `use`, each under its name.
    fn used<'a>(&'a self, path: &str, used: &ItemUse) -> Vec<(String, &'a Item)> {
        let known = leaves(path, used).into_iter().filter_map(|(module, name)| {
            // Else it is another package's.
            let item = self.find(&module, &name)?;
            Some((name, item))
        });
        known.filter(|(_, item)| !is_hidden(attributes(item))).collect()
    }

    /// What a name stands for in a module.
    fn find(&self, path: &str, wanted: &str) -> Option<&Item> {
        let module = self.modules.get(path)?;
        let defined = module.items.iter().find(|item| name(item).is_some_and(|own| own == wanted));
        defined.or_else(|| {
            let uses = module.items.iter().filter_map(|item| match item {
                Item::Use(used) => Some(leaves(path, used)),
                _ => None,
            });
            let (module, name) = uses.flatten().find(|(_, name)| name == wanted)?;
            self.find(&module, &name)
        })
    }

    /// The inherent `impl` blocks of a type, wherever they are.
    pub(crate) fn impls_of<'a>(&'a self, of: &'a Item) -> impl Iterator<Item = &'a ItemImpl> {
        let items = self.modules.values().flat_map(|module| &module.items);
        items.filter_map(move |item| match item {
            Item::Impl(found) if found.trait_.is_none() && is_of(&found.self_ty, of) => Some(found),
            _ => None,
        })
    }
}

fn parse(file: &Path, text: &str) -> File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn join(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}::{name}"),
    }
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.rs"));
    if root().join(&file).exists() { file } else { folder.join(name).join("mod.rs") }
}

fn is_of(given: &Type, item: &Item) -> bool {
    let Type::Path(path) = given else { return false };
    let last = path.path.segments.last().map(|segment| segment.ident.to_string());
    last.is_some() && last == name(item)
}

/// The names that a `use` in a module brings in, each with the module that it is of. Those with `*`
/// are not among them.
fn leaves(path: &str, used: &ItemUse) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    flatten(&used.tree, &mut Vec::new(), &mut leaves);
    let named = leaves.into_iter().filter_map(|mut segments| {
        let name = segments.pop()?;
        segments.retain(|segment| segment != "self");
        let module = match segments.first().map(String::as_str) {
            Some("crate") => segments[1..].join("::"),
            _ => join(path, &segments.join("::")),
        };
        Some((module, name))
    });
    named.collect()
}

/// The paths that a `use` names.
fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| flatten(tree, before, leaves));
        }
        UseTree::Name(name) => {
            leaves.push([before.as_slice(), &[name.ident.to_string()]].concat());
        }
        UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Fn(item) => &item.sig.ident,
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Whether the docs of the module show it.
fn is_shown(item: &Item) -> bool {
    let visibility = match item {
        Item::Fn(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Mod(item) => &item.vis,
        Item::Use(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_)) && !is_hidden(attributes(item))
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    })
}

/// The text of doc comments.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(text) => match &text.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
