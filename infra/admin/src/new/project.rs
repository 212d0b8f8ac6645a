use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::names::Name;

/// The files of a project by their paths, as the project `shop` has them.
const FILES: [(&str, &str); 23] = [
    (".cargo/config.toml", include_str!("../../new/config.toml")),
    (".github/workflows/ci.yml", include_str!("../../new/ci.yml")),
    (".gitignore", include_str!("../../new/gitignore")),
    ("Cargo.toml", include_str!("../../new/Cargo.toml.in")),
    ("README.md", include_str!("../../new/README.md")),
    ("costs.md", include_str!("../../new/costs.md")),
    ("examples/headwater.rs", include_str!("../../new/headwater.rs")),
    ("examples/local.rs", include_str!("../../new/local.rs")),
    ("rustfmt.toml", include_str!("../../new/rustfmt.toml")),
    ("src/lib.rs", include_str!("../../new/lib.rs")),
    ("src/main.rs", include_str!("../../new/main.rs")),
    ("src/order.rs", include_str!("../../new/order.rs")),
    ("src/order_row.rs", include_str!("../../new/order_row.rs")),
    ("template.yaml", include_str!("../../new/template.yaml")),
    ("tests/costs.rs", include_str!("../../new/costs.rs")),
    ("tests/golden.rs", include_str!("../../new/golden.rs")),
    ("tests/golden/OrderCancelled.v1.json", include_str!("../../new/OrderCancelled.v1.json")),
    ("tests/golden/OrderPlaced.v1.json", include_str!("../../new/OrderPlaced.v1.json")),
    ("tests/golden/order.history.json", include_str!("../../new/order.history.json")),
    ("tests/golden/order.row.r1.json", include_str!("../../new/order.row.r1.json")),
    ("tests/golden/order.state.r1.json", include_str!("../../new/order.state.r1.json")),
    ("tests/http.rs", include_str!("../../new/http.rs")),
    ("tests/template.rs", include_str!("../../new/template.rs")),
];

/// Names that Cargo or the project itself uses already.
const TAKEN: [&str; 9] =
    ["alloc", "common", "core", "headwater", "local", "order", "pipeline", "std", "test"];

/// Makes a project in a folder of its name, which must not exist, and says what to do next.
///
/// # Errors
/// If there is such a folder, the name is taken, or a file cannot be written; then nothing is left.
pub(super) fn make(name: &Name, headwater: Option<&Path>) -> Result<String> {
    let kebab = name.kebab();
    ensure!(!TAKEN.contains(&kebab.as_str()), "{kebab} is a name with a meaning of its own");
    let folder = PathBuf::from(&kebab);
    ensure!(!folder.exists(), "{kebab} exists already");
    let headwater = match headwater {
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
        Some(checkout) => {
            let package = checkout.join("infra/headwater");
            let package = package
                .canonicalize()
                .with_context(|| format!("{} has no infra/headwater", checkout.display()))?;
            format!("path = {:?}", package.display().to_string())
        }
    };
    // First beside it, so that there is never half a project.
    let draft = tempfile::Builder::new().prefix(&format!(".{kebab}-")).tempdir_in(".")?;
    for (path, text) in FILES {
        let path = draft.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(draft.path()))?;
        let text = renamed(text, name).replace("HEADWATER", &headwater);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    open_to_all(draft.path())?;
    fs::rename(draft.keep(), &folder)?;
    Ok(format!("{kebab} is made. Next:\n\n  cd {kebab}\n  cargo local\n  cargo test"))
}

/// A temporary folder is its owner's alone; a project's has the rights of any other.
fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let made = fs::metadata(folder.join("src"))?.permissions().mode();
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(made))?)
}

/// A text of the project `shop` as that of another.
fn renamed(text: &str, name: &Name) -> String {
    // A path of Rust is kept aside, or the last step would find `shop` in it again.
    text.replace("shop::", "\0::")
        .replace("SHOP", &name.screaming())
        .replace("Shop", &name.pascal())
        .replace("shop", &name.kebab())
        .replace('\0', &name.snake())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_s_name_is_spelt_as_each_place_wants() {
        let name = "corner-shop-2".parse().unwrap();
        let text = "name = \"shop\"; shop::services(&SHOP); /shop/orders ShopLogs";
        let expected = "name = \"corner-shop-2\"; corner_shop_2::services(&CORNER_SHOP_2); \
                        /corner-shop-2/orders CornerShop2Logs";
        assert_eq!(renamed(text, &name), expected);
    }
}
