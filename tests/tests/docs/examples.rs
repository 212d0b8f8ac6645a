//! Whoever opens the docs of a published package finds an example at each place where to begin.
//!
//! Such an *entry point* is what a package exports to be called or implemented: a trait, a
//! function, and a type with a constructor (a function without `self`) or a builder (a method from
//! `self` to `Self`). What is only read from, as plain data and errors, needs none, and nor does
//! what is hidden from the docs: it is for this repository alone. The example stands at the entry
//! point, at one of its methods, or in the docs of its module, where it names the entry point.

mod source;

use std::path::Path;

use syn::{FnArg, ImplItem, Item, ReturnType, Signature, TraitItem, Type, Visibility};

use self::source::{Export, Package, docs};
use crate::{expect_none, files, read};

#[test]
fn every_entry_point_has_an_example() {
    let published: Vec<_> = files(&["toml"])
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"))
        .filter(|path| is_published(&read(path)))
        .collect();
    assert!(published.len() > 10, "the published packages: {published:?}");
    let findings = published.iter().flat_map(|manifest| {
        let package = Package::read(manifest.parent().unwrap());
        let lacking = without_example(&package);
        lacking.into_iter().map(|what| format!("{}: {what} has no example", manifest.display()))
    });
    expect_none(&findings.collect::<Vec<_>>());
}

/// The package of a manifest without `publish` can be published.
fn is_published(manifest: &str) -> bool {
    manifest.starts_with("[package]") && !manifest.lines().any(|line| line.starts_with("publish"))
}

/// The entry points that have no example, as `fn render`.
fn without_example(package: &Package) -> Vec<String> {
    let exports = package.exports();
    let lacking = exports.iter().filter(|export| is_entry_point(package, export.item));
    let lacking = lacking.filter(|export| !has_example(package, export));
    lacking.map(|export| format!("{} {}", kind(export.item), export.name)).collect()
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Trait(_) => "trait",
        Item::Fn(_) => "fn",
        _ => "type",
    }
}

fn is_entry_point(package: &Package, item: &Item) -> bool {
    match item {
        Item::Trait(_) | Item::Fn(_) => true,
        Item::Struct(_) | Item::Enum(_) => {
            methods(package, item).any(|(signature, _)| makes(signature))
        }
        _ => false,
    }
}

/// Whether it makes a value of its type, from something else or from another such value.
fn makes(signature: &Signature) -> bool {
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) => {
            receiver.reference.is_none() && gives_self(&signature.output)
        }
        _ => true,
    }
}

fn gives_self(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, given) if is_self(given))
}

fn is_self(given: &Type) -> bool {
    matches!(given, Type::Path(path) if path.path.is_ident("Self"))
}

/// The public methods of a type, each with its docs.
fn methods<'a>(
    package: &'a Package,
    item: &'a Item,
) -> impl Iterator<Item = (&'a Signature, String)> {
    let items = package.impls_of(item).flat_map(|of| &of.items);
    items.filter_map(|item| match item {
        ImplItem::Fn(method) if matches!(method.vis, Visibility::Public(_)) => {
            Some((&method.sig, docs(&method.attrs)))
        }
        _ => None,
    })
}

fn has_example(package: &Package, export: &Export<'_>) -> bool {
    let own = docs(source::attributes(export.item));
    let of_methods: Vec<String> = match export.item {
        Item::Trait(of) => of.items.iter().map(of_trait_item).collect(),
        item => methods(package, item).map(|(_, docs)| docs).collect(),
    };
    let names_it = |code: &String| words(code).any(|word| word == export.name);
    of_methods.iter().chain([&own]).any(|docs| !examples(docs).is_empty())
        || export.modules.iter().flat_map(|docs| examples(docs)).any(|code| names_it(&code))
}

fn of_trait_item(item: &TraitItem) -> String {
    match item {
        TraitItem::Fn(method) => docs(&method.attrs),
        _ => String::new(),
    }
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The blocks of Rust in a doc comment that are compiled.
fn examples(docs: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = docs.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let code: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if matches!(language, "" | "rust" | "no_run" | "should_panic") {
            found.push(code.join("\n"));
        }
    }
    found
}

#[test]
fn what_has_no_example_is_found() {
    let lacking = |text: &str| {
        let package = Package::of(Path::new("lib.rs"), &[("", text)]);
        without_example(&package)
    };
    assert_eq!(lacking("/// Does.\npub fn act() {}"), ["fn act"]);
    assert_eq!(lacking("/// Does.\n///\n/// ```\n/// act();\n/// ```\npub fn act() {}"), [""; 0]);
    assert_eq!(lacking("/// ```text\n/// act\n/// ```\npub fn act() {}"), ["fn act"]);
    assert_eq!(lacking("//! ```\n//! act();\n//! ```\npub fn act() {}"), [""; 0]);
    assert_eq!(lacking("//! ```\n//! other();\n//! ```\npub fn act() {}"), ["fn act"]);
    assert_eq!(lacking("#[doc(hidden)]\npub fn act() {}\nfn own() {}"), [""; 0]);
    assert_eq!(lacking("pub trait Acts {}"), ["trait Acts"]);
    let made = "pub struct Made;\nimpl Made { pub fn new() -> Self { Self } }";
    assert_eq!(lacking(made), ["type Made"]);
    let built = "pub struct Built;\nimpl Built { pub fn with(self) -> Self { self } }";
    assert_eq!(lacking(built), ["type Built"]);
    assert_eq!(lacking("pub struct Read;\nimpl Read { pub fn get(&self) {} }"), [""; 0]);
    let shown = "pub struct Made;\nimpl Made { /// ```\n/// Made::new();\n/// ```\npub fn new() -> \
                 Self { Self } }";
    assert_eq!(lacking(shown), [""; 0]);
}

#[test]
fn what_a_private_module_has_is_exported_by_name() {
    let lib = "mod inner;\npub use inner::deep::{act, Plain};";
    let inner = "pub(crate) mod deep;\npub fn own() {}";
    let deep = "pub fn act() {}\npub fn other() {}\npub struct Plain { pub field: u8 }";
    let files = [("", lib), ("inner", inner), ("inner::deep", deep)];
    assert_eq!(without_example(&Package::of(Path::new("lib.rs"), &files)), ["fn act"]);
}
