//! A requirements file with hashes, as `uv pip compile --generate-hashes` writes it.

use std::fmt::Write as _;

use imgbuild_lock::{LockedVariant, PypiPackage};

use crate::wheel::{From, from, is_direct, is_path, wheels};
use crate::written::{Written, head};

/// The file. With hashes nothing is installed that has none: that is left out.
pub(crate) fn write(name: &str, variant: &LockedVariant<'_>) -> Written {
    let mut written = Written { text: head(name, variant), left_out: Vec::new() };
    let provided = variant.pypi.iter().flat_map(|set| &set.set.provided);
    let provided: Vec<&str> = provided.map(String::as_str).collect();
    if !provided.is_empty() {
        _ = writeln!(written.text, "# Of conda, and not among them: {}", provided.join(", "));
    }
    for package in wheels(variant) {
        let line = line(package);
        let sha256 = match from(package) {
            From::Index { sha256, .. } => sha256,
            From::File { location, sha256, .. } if !is_path(location) => sha256,
            From::File { .. } | From::Git { .. } | From::Folder { .. } => {
                written.left_out.push(format!("`{line}`: it has no hash that pip would check, and so none of the others would be installed"));
                continue;
            }
        };
        _ = writeln!(written.text, "{line} \\\n    --hash=sha256:{}", sha256.hex());
    }
    written
}

/// A package as a requirement, without its hash.
pub(crate) fn line(package: &PypiPackage) -> String {
    let PypiPackage { name, version, .. } = package;
    match from(package) {
        From::File { location, .. } if is_path(location) => format!("./{location}"),
        From::File { location, subdirectory, .. } if is_direct(package) => {
            let (url, _) = location.split_once('#').unwrap_or((location, ""));
            let below = subdirectory.map(|it| format!("#subdirectory={it}")).unwrap_or_default();
            format!("{name} @ {url}{below}")
        }
        From::Index { .. } | From::File { .. } => format!("{name}=={version}"),
        From::Git { url, commit, subdirectory } => {
            let below = subdirectory.map(|it| format!("#subdirectory={it}")).unwrap_or_default();
            format!("{name} @ git+{url}@{commit}{below}")
        }
        From::Folder { path } => {
            if path == "." {
                ".".to_owned()
            } else {
                format!("./{path}")
            }
        }
    }
}
