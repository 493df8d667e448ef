//! The database of Alpine Linux and Wolfi: `lib/apk/db/installed` (`apk_db(5)`).

use imgbuild_archive::ImagePath;

use super::{FileMetadata, Owned, Reader, paths};
use crate::{Described, Kind, Package, PackageId};

const DATABASES: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/// What somebody asked for: names with requirements on versions, and with the repositories that they are from.
pub(crate) const WORLD: &str = "etc/apk/world";

pub(super) fn reader(path: &ImagePath) -> Option<Reader> {
    DATABASES.contains(&path.as_str()).then_some(read)
}

fn read(_: &ImagePath, text: &str) -> Option<FileMetadata> {
    let paragraphs = text.split("\n\n").filter_map(paragraph);
    let (described, owned) = paragraphs.unzip();
    Some(FileMetadata::packages(described, owned))
}

/// The name in a dependency or in what is provided: `so:libz.so.1` of `so:libz.so.1=1.3.1`.
pub(crate) fn provided_name(text: &str) -> &str {
    text.split(['<', '>', '=', '~']).next().unwrap_or_default()
}

/// The names of what somebody asked for. `!name` is what must not be there.
pub(crate) fn asked(world: &str) -> impl Iterator<Item = &str> {
    let words = world.split_whitespace().filter(|it| !it.starts_with('!'));
    words.map(|it| provided_name(it).split('@').next().unwrap_or_default())
}

/// One package: lines of a letter, a colon and a value.
fn paragraph(text: &str) -> Option<(Described, Owned)> {
    let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let field =
        |letter: &str| lines.iter().find(|(it, _)| *it == letter).map(|(_, value)| (*value).to_owned());
    let words = |letter: &str| field(letter).unwrap_or_default();
    let mut package = Package::new(PackageId::of_system(Kind::Apk, field("P")?), field("V")?);
    package.architecture = field("A");
    package.installed_size = field("I").and_then(|it| it.parse().ok());
    package.licence = field("L");
    package.source = field("o");
    package.supplier = field("m");
    package.homepage = field("U");
    package.summary = field("T");
    // `!name` is what it conflicts with.
    let requires =
        words("D").split_whitespace().filter(|it| !it.starts_with('!')).map(str::to_owned).collect();
    let provides = words("p").split_whitespace().map(|it| provided_name(it).to_owned()).collect();
    let mut folder = "";
    let mut files: Vec<String> = Vec::new();
    for (letter, value) in &lines {
        match *letter {
            "F" => folder = value,
            "R" => files.push(format!("{folder}/{value}")),
            _ => {}
        }
    }
    let owned = Owned { package: package.id.clone(), files: paths(None, files.iter().map(String::as_str)) };
    Some((Described { requires, provides, ..Described::new(package) }, owned))
}
