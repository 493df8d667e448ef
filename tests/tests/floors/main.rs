//! The house: which crate stands on which floor, and that imports go down only, between crates and between files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod circles;
mod files;
mod sizes;
mod texts;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Table;

/// The floors, from the ground up: `docs/architecture.md` says what lives in each room.
const FLOORS: [&[&str]; 5] = [
    &[
        "archive",
        "diagnostic",
        "dockerfile",
        "document",
        "environment",
        "export",
        "folder",
        "layer",
        "licence",
        "lock",
        "oci",
        "provenance",
        "requirement",
        "secret",
        "settings",
        "shard",
        "signature",
        "spec",
    ],
    &["attestation", "cdi", "ecosystem", "init", "net", "python", "sandbox", "store"],
    &[
        "audit",
        "base",
        "conda",
        "conform",
        "copies",
        "debian",
        "distribution",
        "doctor",
        "fetch",
        "inventory",
        "pypi",
        "registry",
        "runtime",
        "sbom",
        "wheels",
    ],
    &["build", "image", "locking", "report"],
    &["imgbuild"],
];

/// What the ground floor has no need of: async, network. (Its clock is `jiff`, which only parses and prints there.)
const ABOVE_GROUND: [&str; 6] = ["async-trait", "futures", "http", "reqwest", "reqwest-middleware", "tokio"];

/// Where a text has the word that stands before hints: who writes an error and its hints into one text, and who parts what uv
/// prints. In all others a hint would be one that nobody finds.
const HINT_WRITERS: [&str; 2] = ["crates/diagnostic/src/hints.rs", "crates/pypi/src/choosing/said.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every crate of the house and its manifest.
fn crates() -> BTreeMap<String, Table> {
    let folders = std::fs::read_dir(root().join("crates")).unwrap();
    let names = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), read(&format!("crates/{name}/Cargo.toml")).parse().unwrap())).collect()
}

/// What a crate imports, for its tests as well; those of the house by their rooms.
fn imports(manifest: &Table) -> Vec<String> {
    let tables = ["dependencies", "build-dependencies", "dev-dependencies"];
    let tables = tables.iter().filter_map(|table| manifest.get(*table)?.as_table());
    let room = |name: &String| name.strip_prefix("imgbuild-").unwrap_or(name).to_owned();
    tables.flat_map(|table| table.keys().map(room)).collect()
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&name))
}

#[test]
fn every_crate_has_its_room() {
    let rooms: BTreeMap<String, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, rooms)| rooms.iter().map(move |it| (it.to_string(), floor)))
        .collect();
    assert!(rooms.keys().eq(crates().keys()), "crates: {:?}, rooms: {rooms:?}", crates().keys());
    let page = read("docs/architecture.md");
    for (name, floor) in rooms {
        let row = format!("| {floor} | `{name}` |");
        assert!(page.contains(&row), "docs/architecture.md has no row `{row}`");
    }
}

#[test]
fn the_files_that_the_architecture_names_are_there() {
    let page = read("docs/architecture.md");
    let mut named = 0;
    for word in page.split('`').skip(1).step_by(2).filter(|word| word.contains("/src")) {
        let is_whole = word.starts_with("crates/") || word.starts_with("xtask/");
        let path = root().join(if is_whole { "" } else { "crates" }).join(word);
        assert!(path.exists(), "docs/architecture.md names `{word}`");
        named += 1;
    }
    assert!(named > 20, "{named} files are named");
}

#[test]
fn every_crate_says_whose_it_is() {
    for (name, manifest) in crates() {
        let package = manifest["package"]["name"].as_str().unwrap();
        assert!(package == "imgbuild" || package == format!("imgbuild-{name}"), "{package}");
        // `-v` shows what the crates say whose names begin so.
        assert!(
            manifest.get("lib").is_none_or(|lib| lib.get("name").is_none()),
            "{package} has another name"
        );
    }
}

#[test]
fn imports_go_down_only() {
    let mut above = Vec::new();
    for (name, manifest) in crates() {
        let own = floor(&name).unwrap_or_else(|| panic!("`{name}` has no room"));
        let higher = |import: &String| floor(import).is_some_and(|theirs| theirs > own);
        above.extend(
            imports(&manifest).into_iter().filter(higher).map(|import| format!("{name} imports {import}")),
        );
    }
    assert!(above.is_empty(), "{above:#?}");
}

#[test]
fn files_of_a_crate_import_one_another_in_no_circle() {
    let mut found = Vec::new();
    for name in crates().keys() {
        let source = root().join("crates").join(name).join("src");
        let roots = ["lib.rs", "main.rs"].map(|file| source.join(file));
        for root in roots.iter().filter(|root| root.exists()) {
            found.extend(circles::circles(root).into_iter().map(|circle| format!("{name}: {circle}")));
        }
    }
    assert!(found.is_empty(), "circles of imports:\n{}", found.join("\n"));
}

#[test]
fn files_fit_in_the_head_and_functions_on_a_screen() {
    let mut found = Vec::new();
    for name in crates().keys() {
        found.extend(sizes::too_long(&root().join("crates").join(name).join("src")));
    }
    found.extend(sizes::too_long(&root().join("xtask")));
    assert!(found.is_empty(), "too long:\n{}", found.join("\n"));
}

#[test]
fn the_ground_floor_has_no_network() {
    for name in FLOORS[0] {
        let imports = imports(&crates()[*name]);
        let found: Vec<_> = imports.iter().filter(|import| ABOVE_GROUND.contains(&import.as_str())).collect();
        assert!(found.is_empty(), "`{name}` imports {found:?}");
    }
}

#[test]
fn versions_are_chosen_in_one_place() {
    for (name, manifest) in crates() {
        for table in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (import, value) in manifest.get(table).and_then(|it| it.as_table()).into_iter().flatten() {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(inherited, "`{name}` chooses its own `{import}`");
            }
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let workspace: Table = read("Cargo.toml").parse().unwrap();
    let dependencies = workspace["workspace"]["dependencies"].as_table().unwrap();
    let outside = dependencies.iter().filter(|(_, value)| value.get("path").is_none());
    let outside: BTreeSet<&str> = outside.map(|(name, _)| name.as_str()).collect();
    let page = read("docs/dependencies.md");
    let (used, _) = page.split_once("## Not depended on").unwrap();
    // The first cell of a row; dependencies of one purpose share one.
    let cells = used.lines().filter_map(|row| row.strip_prefix("| `")?.split(" | ").next());
    let named: BTreeSet<&str> =
        cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`')).collect();
    assert_eq!(
        named, outside,
        "docs/dependencies.md and the workspace's manifest name different dependencies"
    );
}

#[test]
fn no_message_holds_a_hint() {
    let (mut found, mut named) = (Vec::new(), Vec::new());
    for name in crates().keys() {
        for (file, text) in texts::texts(&root().join("crates").join(name).join("src")) {
            let file = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if text.contains("hint: ") {
                if HINT_WRITERS.contains(&file.as_str()) {
                    named.push(file)
                } else {
                    found.push((file, text))
                }
            }
        }
    }
    assert!(found.is_empty(), "what to do is `help` of the error, and no part of its text: {found:#?}");
    assert_eq!(named, HINT_WRITERS, "these texts are gone, or are more");
}
