//! One file for each look.

pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod credentials;
pub(crate) mod devices;
pub(crate) mod ids;
pub(crate) mod kernel;
pub(crate) mod memory;
pub(crate) mod mirrors;
pub(crate) mod registries;
pub(crate) mod resources;
pub(crate) mod sandbox;
pub(crate) mod servers;
pub(crate) mod settings;
pub(crate) mod spec;
pub(crate) mod temporary;
pub(crate) mod threads;

/// Findings as people read them, for the tests of looks.
#[cfg(test)]
pub(crate) fn shown(findings: &[crate::finding::Finding]) -> String {
    let line = |it: &crate::finding::Finding| {
        let needed = if it.needed { "!" } else { "" };
        let told = format!("{}{needed} {}: {}\n", it.verdict.as_str(), it.what, it.found);
        it.remedies.iter().fold(told, |told, remedy| format!("{told}  -> {remedy}\n"))
    };
    findings.iter().map(line).collect()
}

/// A root folder with these files.
#[cfg(test)]
pub(crate) fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    root
}
