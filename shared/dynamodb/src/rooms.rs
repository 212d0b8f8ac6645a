//! That arrows between this crate's rooms run one way, as the crate's first lines say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room may use itself and those before it.
const ORDER: [&str; 16] = [
    "size",
    "error",
    "weighed",
    "connection",
    "table",
    "keys",
    "archive",
    "store",
    "archiver",
    "command",
    "feed",
    "views",
    "projector",
    "rebuild",
    "audit",
    "effects",
];

#[test]
fn a_room_uses_only_those_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let homes = homes(&code(&root.join("lib.rs")));
    let place = |room: &str| ORDER.iter().position(|other| *other == room);
    let mut seen = 0;
    for file in files(&root) {
        let below = file.strip_prefix(&root).unwrap();
        let room = below.components().next().unwrap().as_os_str().to_string_lossy();
        let room = room.trim_end_matches(".rs");
        if ["lib", "rooms"].contains(&room) {
            continue;
        }
        let own = place(room).unwrap_or_else(|| panic!("give {room} its place in ORDER"));
        for name in named(&code(&file)) {
            let home = homes.get(&name).unwrap_or(&name);
            let other = place(home)
                .unwrap_or_else(|| panic!("{}: what is crate::{name}?", below.display()));
            assert!(other <= own, "{}: {room} must not use {home}", below.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} uses found");
}

/// The room of each name that the crate exports.
fn homes(lib: &str) -> BTreeMap<String, String> {
    let exports = lib.split("pub use ").skip(1).map(|export| export.split(';').next().unwrap());
    let exports = exports.flat_map(|export| {
        let (room, names) = export.split_once("::").unwrap();
        names_of(names).map(move |name| (name, room.to_owned())).collect::<Vec<_>>()
    });
    exports.collect()
}

/// What a file names after `crate::`, up to the next colons.
fn named(code: &str) -> Vec<String> {
    code.split("crate::").skip(1).flat_map(|rest| names_of(rest).collect::<Vec<_>>()).collect()
}

/// The first names of one path, or of several in braces.
fn names_of(paths: &str) -> impl Iterator<Item = String> {
    let paths = match paths.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap().split(',').collect::<Vec<_>>(),
        None => vec![paths],
    };
    let first = |path: &str| -> String {
        let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
        path.trim().chars().take_while(is_part).collect()
    };
    paths.into_iter().map(first).filter(|name| !name.is_empty())
}

/// A file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    files.collect()
}
