//! dpkg's database: what is installed, which triggers there are, what is diverted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imgbuild_archive::ImagePath;

use super::collect::BasePackages;
use super::read::ReadPackage;
use super::tree::Tree;
use crate::Relation;
use crate::package::deb::merged;
use crate::resolving::relation;

/// Where the database is.
pub(crate) const FOLDER: &str = "/var/lib/dpkg";

/// The fields of a stanza in the order in which dpkg writes them; the others follow in their own order.
const ORDER: [&str; 21] = [
    "Package",
    "Essential",
    "Protected",
    "Status",
    "Priority",
    "Section",
    "Installed-Size",
    "Maintainer",
    "Architecture",
    "Multi-Arch",
    "Source",
    "Version",
    "Replaces",
    "Provides",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Breaks",
    "Conflicts",
    "Enhances",
];

const RELATIONS: [&str; 9] = [
    "Replaces",
    "Provides",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Breaks",
    "Conflicts",
    "Enhances",
];

/// Writes the database, with the links of a merged `/usr`.
pub(crate) fn database(suite: &str, collected: &BasePackages, diversions: &[[String; 3]], tree: &mut Tree) {
    let architecture = architecture(collected);
    let mut packages: Vec<&ReadPackage> = collected.packages.iter().map(|it| &**it).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    let status: String = packages.iter().map(|it| stanza(it)).collect();
    let file = |tree: &mut Tree, name: &str, text: &str| {
        tree.file(&format!("{FOLDER}/{name}"), 0o644, "root", text.as_bytes())
    };
    file(tree, "status", &status);
    file(tree, "arch", &format!("{architecture}\n"));
    file(tree, "info/format", "1\n");
    let diverted = |[path, to, package]: &[String; 3]| format!("{path}\n{to}\n{package}\n");
    file(tree, "diversions", &diversions.iter().map(diverted).collect::<String>());
    for name in ["lock", "lock-frontend"] {
        tree.file(&format!("{FOLDER}/{name}"), 0o640, "root", b"");
    }
    for name in ["parts", "updates"] {
        tree.directory(&format!("{FOLDER}/{name}"), 0o755, "root");
    }
    triggers(&packages, tree);
    if suite == "bookworm" {
        merged_usr_links(architecture, collected, tree);
    }
}

fn architecture(collected: &BasePackages) -> &str {
    let native = collected.packages.iter().map(|it| it.control.field("Architecture")).find(|it| *it != "all");
    native.unwrap_or("all")
}

/// Trixie's libc6 keeps other packages from the loader's path, for as long as some hold files below `/lib`.
pub(crate) fn loader_diversion(package: &ReadPackage) -> Option<[String; 3]> {
    let loader = match package.control.field("Architecture") {
        "amd64" => "/lib64/ld-linux-x86-64.so.2",
        _ => return None,
    };
    Some([loader.to_owned(), format!("{loader}.usr-is-merged"), package.name.clone()])
}

/// Bookworm's `base-files` does not hold them yet: whoever sets a system up makes them.
fn merged_usr_links(architecture: &str, collected: &BasePackages, tree: &mut Tree) {
    let mut names = vec!["bin", "lib", "sbin"];
    if architecture == "amd64" {
        names.push("lib64");
    }
    for name in names {
        let link = format!("/{name}");
        if !ImagePath::from_absolute(&link).is_ok_and(|path| collected.paths.contains(&path)) {
            tree.link(&link, &format!("usr/{name}"));
        }
    }
}

fn stanza(package: &ReadPackage) -> String {
    let control = &package.control;
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        let blank = if value.is_empty() || value.starts_with('\n') { "" } else { " " };
        // Writing into a string cannot fail.
        let _infallible = writeln!(text, "{name}:{blank}{value}");
    };
    for name in ORDER {
        if name == "Status" {
            field(name, "install ok installed");
        } else if let Some(value) = control.stanza.get(name) {
            if RELATIONS.contains(&name) { field(name, &relations(value)) } else { field(name, value) }
        }
    }
    let conffiles = conffiles(package);
    if !conffiles.is_empty() {
        field("Conffiles", &conffiles);
    }
    if let Some(description) =
        control.stanza.fields().find(|(name, _)| *name == "Description").map(|(_, it)| it)
    {
        field("Description", description);
    }
    for (name, value) in control.stanza.fields() {
        if !ORDER.contains(&name) && name != "Description" {
            field(name, value);
        }
    }
    text.push('\n');
    text
}

fn relations(value: &str) -> String {
    match Relation::read_list(value) {
        Ok(list) => list.iter().map(|it| relation::show(it)).collect::<Vec<_>>().join(", "),
        Err(_) => value.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn conffiles(package: &ReadPackage) -> String {
    let listed = package.control.text("conffiles").unwrap_or_default();
    let mut text = String::new();
    for line in listed.lines().map(str::trim) {
        // What only goes with an upgrade has no hash yet.
        if let Some(path) = line.strip_prefix("remove-on-upgrade ") {
            let _infallible = write!(text, "\n {path} newconffile remove-on-upgrade");
            continue;
        }
        let path = ImagePath::from_absolute(line).and_then(merged).ok();
        if let Some(md5) = path.and_then(|it| package.conffiles.get(&it)) {
            let _infallible = write!(text, "\n {line} {md5}");
        }
    }
    text
}

/// The files below `triggers/`: without them a library that is installed later is not found, and nothing says so.
fn triggers(packages: &[&ReadPackage], tree: &mut Tree) {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages {
        for line in package.control.text("triggers").unwrap_or_default().lines() {
            let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
            let [directive, trigger] = words.as_slice() else { continue };
            let Some(kind) = directive.strip_prefix("interest") else { continue };
            let option = if kind == "-noawait" { "/noawait" } else { "" };
            let interested = format!("{}{option}", info_name(package));
            if trigger.starts_with('/') {
                files.push(((*trigger).to_owned(), interested));
            } else {
                names.entry((*trigger).to_owned()).or_default().push(interested);
            }
        }
    }
    let lines: String = files.iter().map(|(path, package)| format!("{path} {package}\n")).collect();
    tree.file(&format!("{FOLDER}/triggers/File"), 0o644, "root", lines.as_bytes());
    tree.file(&format!("{FOLDER}/triggers/Unincorp"), 0o644, "root", b"");
    tree.file(&format!("{FOLDER}/triggers/Lock"), 0o600, "root", b"");
    for (name, packages) in names {
        let lines: String = packages.iter().map(|it| format!("{it}\n")).collect();
        tree.file(&format!("{FOLDER}/triggers/{name}"), 0o644, "root", lines.as_bytes());
    }
}

fn info_name(package: &ReadPackage) -> String {
    package.control.info_name()
}
