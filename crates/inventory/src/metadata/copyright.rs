//! `/usr/share/doc/NAME/copyright`, where it is in the form that machines read (Debian's "machine-readable copyright format 1.0").

use imgbuild_archive::ImagePath;
use imgbuild_debian::Stanza;

use super::{FileMetadata, Reader, Told};

const FOLDER: &str = "usr/share/doc";

pub(super) fn reader(path: &ImagePath) -> Option<Reader> {
    let folder = path.parent()?;
    let is_of_a_package = folder.parent().is_some_and(|it| it.as_str() == FOLDER);
    (path.file_name() == "copyright" && is_of_a_package).then_some(read)
}

fn read(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    let licence = licences(text)?;
    let package = path.parent()?.file_name().to_owned();
    Some(FileMetadata { told: Some(Told::Licence { package, licence }), owned: Vec::new() })
}

/// The licences that stand over files of the package, each once, in their order; nothing where nobody but a person can read it.
pub(crate) fn licences(text: &str) -> Option<String> {
    let stanzas = Stanza::read_all(text).ok()?;
    // It is known by its first field.
    stanzas.first()?.get("Format").filter(|it| it.contains("copyright-format"))?;
    let mut names: Vec<String> = Vec::new();
    for stanza in stanzas.iter().filter(|it| it.get("Files").is_some()) {
        let name = stanza.get("License").and_then(|it| it.lines().next()).unwrap_or_default().trim();
        if !name.is_empty() && !names.iter().any(|it| it == name) {
            names.push(name.to_owned());
        }
    }
    let joined = |name: &String| if name.contains(" or ") { format!("({name})") } else { name.clone() };
    match names.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        names => Some(names.iter().map(joined).collect::<Vec<_>>().join(" and ")),
    }
}
