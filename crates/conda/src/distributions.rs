//! The Python distributions that a package holds: what pip would find installed, and what they say of themselves.

use std::collections::BTreeSet;
use std::io::Read;

use imgbuild_archive::{ImagePath, TarKind};
use imgbuild_python::Distribution;
use rattler_conda_types::package::PathType;

use crate::conda_archive::{Archive, ArchiveError};
use crate::info::{Damaged, Info, InfoError};

/// Why the metadata of a distribution cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DistributionError {
    /// The package's own metadata cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Info(#[from] InfoError),
    /// It is larger than any real one.
    #[error(
        "`{}` of the archive has {size} bytes, more than the {MOST} that are read of a distribution's metadata",
        path.as_str()
    )]
    TooLarge {
        /// The file.
        path: ImagePath,
        /// Its size in bytes.
        size: u64,
    },
    /// The archive holds it as something else than a file.
    #[error("`{}` of the archive is not a file", .0.as_str())]
    NotAFile(ImagePath),
    /// The metadata of the package lists it, and the archive does not hold it.
    #[error("`info/paths.json` lists `{}`, which the archive does not hold", .0.as_str())]
    Absent(ImagePath),
}

/// The most that is read of a distribution's metadata: 16 MiB.
const MOST: u64 = 16 << 20;

/// The distributions of a package and where their metadata stands in the archive, in the order of the paths.
///
/// A noarch Python package has them in `site-packages`, any other one in `lib/FOLDER/site-packages`: which folder is the
/// interpreter's depends on its build (`python3.13t`), and an archive is the same in all environments.
fn described(info: &Info) -> impl Iterator<Item = (&ImagePath, Distribution)> {
    let noarch = info.index.noarch.is_python();
    let paths = info.paths.iter().filter(|(_, entry)| entry.path_type != PathType::Directory);
    paths.filter_map(move |(path, _)| {
        let installed = match path.as_str().strip_prefix("site-packages/").filter(|_| noarch) {
            Some(installed) => installed,
            None => path.as_str().strip_prefix("lib/")?.split_once('/')?.1.strip_prefix("site-packages/")?,
        };
        Some((path, Distribution::described_by(installed)?))
    })
}

/// The names and versions of a package's distributions, sorted.
pub(crate) fn distributions(info: &Info) -> Vec<String> {
    let found: BTreeSet<Distribution> = described(info).map(|(_, distribution)| distribution).collect();
    found.iter().map(ToString::to_string).collect()
}

/// What a distribution that a package holds says of itself: the text of its `METADATA` or `PKG-INFO`. `name` is its
/// normalised name. Nothing where the package holds none of this name; where it holds several, the first one by its path.
///
/// # Errors
///
/// When the archive cannot be read, or does not hold what its metadata lists.
pub fn distribution_metadata(archive: &Archive<'_>, name: &str) -> Result<Option<String>, DistributionError> {
    // One file is read, of which the first one counts: what else is damaged does not matter.
    let info = Info::read(archive, Damaged::Accepted)?;
    let size = archive.size().map_err(|error| InfoError::from(ArchiveError::Read(error)))?;
    info.check_declared(size)?;
    let Some((listed, _)) = described(&info).find(|(_, distribution)| distribution.name == name) else {
        return Ok(None);
    };
    let mut wanted = listed.clone();
    let limit = info.content_limit(size, Damaged::Accepted);
    // Two passes are enough: a hard link leads to a file.
    for _ in 0..2 {
        match read(archive, limit, &wanted)? {
            PathContent::Text(text) => return Ok(Some(text)),
            PathContent::Link(target) => wanted = target,
        }
    }
    Err(DistributionError::NotAFile(wanted))
}

/// What stands at a path of an archive.
enum PathContent {
    Text(String),
    /// A hard link to this path.
    Link(ImagePath),
}

fn read(archive: &Archive<'_>, limit: u64, wanted: &ImagePath) -> Result<PathContent, DistributionError> {
    let mut tar = archive.content(limit).map_err(InfoError::from)?;
    while let Some(head) = tar.next_entry().map_err(InfoError::from)? {
        if head.path.as_ref() != Some(wanted) {
            continue;
        }
        return match head.kind {
            TarKind::File if head.size > MOST => {
                Err(DistributionError::TooLarge { path: wanted.clone(), size: head.size })
            }
            TarKind::File => {
                let mut bytes = Vec::new();
                let read = tar.body().read_to_end(&mut bytes);
                read.map_err(|error| InfoError::from(ArchiveError::Read(error)))?;
                Ok(PathContent::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
            TarKind::Hardlink(target) => Ok(PathContent::Link(target)),
            TarKind::Directory | TarKind::Symlink(_) => Err(DistributionError::NotAFile(wanted.clone())),
        };
    }
    Err(DistributionError::Absent(wanted.clone()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bzip2::Compression;
    use bzip2::write::BzEncoder;
    use imgbuild_archive::Owner;
    use imgbuild_layer::{EntryHead, EntryKind, TarWriter};
    use serde_json::{Value, json};

    use super::*;
    use crate::conda_archive::ArchiveFormat;

    /// An entry of an archive: a file with its text, or a link.
    enum Entry {
        File(&'static str),
        Hardlink(&'static str),
        Symlink(&'static str),
    }

    /// A package with these entries, which its metadata lists.
    fn package(noarch: bool, entries: &[(&str, Entry)]) -> tempfile::NamedTempFile {
        let listed = entries.iter().map(|(path, entry)| listed(path, entry)).collect();
        with_list(noarch, listed, entries)
    }

    fn listed(path: &str, entry: &Entry) -> Value {
        let kind = if matches!(entry, Entry::Symlink(_)) { "softlink" } else { "hardlink" };
        json!({ "_path": path, "path_type": kind })
    }

    fn with_list(noarch: bool, listed: Vec<Value>, entries: &[(&str, Entry)]) -> tempfile::NamedTempFile {
        let mut index =
            json!({ "name": "x", "version": "1", "build": "0", "build_number": 0, "depends": [] });
        if noarch {
            index["noarch"] = json!("python");
        }
        let paths = json!({ "paths_version": 1, "paths": listed });
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar = TarWriter::new(BzEncoder::new(file, Compression::fast()));
        for (path, value) in [("info/index.json", index), ("info/paths.json", paths)] {
            append(&mut tar, path, &Entry::File(value.to_string().leak()));
        }
        for (path, entry) in entries {
            append(&mut tar, path, entry);
        }
        let mut file = tar.finish().unwrap().finish().unwrap();
        file.flush().unwrap();
        file
    }

    fn append<W: Write>(tar: &mut TarWriter<W>, path: &str, entry: &Entry) {
        let mut text = "";
        let kind = match entry {
            Entry::File(body) => {
                text = body;
                EntryKind::File { size: body.len() as u64 }
            }
            Entry::Hardlink(target) => EntryKind::Hardlink { target: ImagePath::new(target).unwrap() },
            Entry::Symlink(target) => EntryKind::Symlink { target: (*target).to_owned() },
        };
        let path = ImagePath::new(path).unwrap();
        let head = EntryHead { path, kind, mode: 0o644, owner: Owner::ROOT, mtime: 0 };
        tar.append(&head, &mut text.as_bytes()).unwrap();
    }

    fn archive(file: &tempfile::NamedTempFile) -> Archive<'_> {
        Archive::new(file.path(), ArchiveFormat::TarBz2)
    }

    fn found(noarch: bool, paths: &[&str]) -> Vec<String> {
        let entries: Vec<(&str, Entry)> = paths.iter().map(|path| (*path, Entry::File(""))).collect();
        distributions(&Info::read(&archive(&package(noarch, &entries)), Damaged::Refused).unwrap())
    }

    #[test]
    fn what_stands_in_site_packages_is_installed() {
        let noarch = [
            "site-packages/six-1.17.0.dist-info/METADATA",
            "site-packages/six.py",
            "site-packages/PyYAML-6.0-py3.11.egg-info",
            "site-packages/setuptools/_vendor/wheel-0.43.0.dist-info/METADATA",
            "share/site-packages/other-1.dist-info/METADATA",
        ];
        assert_eq!(found(true, &noarch), ["pyyaml 6.0", "six 1.17.0"]);
        // Nothing looks there when the package is of another kind.
        assert!(found(false, &noarch).is_empty());
        let paths = [
            "lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA",
            "lib/python3.13t/site-packages/threads-2.dist-info/METADATA",
            "lib/python3.11/idlelib/other-1.dist-info/METADATA",
            "lib/site-packages/other-1.dist-info/METADATA",
        ];
        assert_eq!(found(false, &paths), ["numpy 1.26.4", "threads 2"]);
    }

    const METADATA: &str = "site-packages/six-1.17.0.dist-info/METADATA";

    fn read(entries: &[(&str, Entry)]) -> Result<Option<String>, String> {
        distribution_metadata(&archive(&package(true, entries)), "six").map_err(|error| error.to_string())
    }

    #[test]
    fn the_text_of_a_distribution_is_read_also_through_a_hard_link() {
        let text = "Name: six\nVersion: 1.17.0\n";
        assert_eq!(read(&[(METADATA, Entry::File(text))]), Ok(Some(text.to_owned())));
        let linked = [("share/METADATA", Entry::File(text)), (METADATA, Entry::Hardlink("share/METADATA"))];
        assert_eq!(read(&linked), Ok(Some(text.to_owned())));
        assert_eq!(read(&[("site-packages/six.py", Entry::File(""))]), Ok(None));
        let other = "site-packages/seven-1.dist-info/METADATA";
        assert_eq!(read(&[(other, Entry::File(text))]), Ok(None));
    }

    #[test]
    fn what_is_no_text_of_a_distribution_is_refused() {
        assert_eq!(
            read(&[(METADATA, Entry::Symlink("/etc/passwd"))]),
            Err(format!("`{METADATA}` of the archive is not a file"))
        );
        // The metadata alone says that there is one; the rest of the archive is read to its end and no further.
        let lying = with_list(true, vec![listed(METADATA, &Entry::File(""))], &[]);
        let error = distribution_metadata(&archive(&lying), "six").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`info/paths.json` lists `{METADATA}`, which the archive does not hold")
        );
        let large = "x".repeat((16 << 20) + 1).leak();
        assert_eq!(
            read(&[(METADATA, Entry::File(large))]),
            Err(format!(
                "`{METADATA}` of the archive has 16777217 bytes, more than the 16777216 that are read of a distribution's metadata"
            ))
        );
        let outside = [json!({ "_path": "../../six-1.dist-info/METADATA", "path_type": "hardlink" })];
        let hostile = with_list(true, outside.to_vec(), &[]);
        let error = distribution_metadata(&archive(&hostile), "six").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`info/paths.json` of the archive lists a path that must not be written: the path `../../six-1.dist-info/METADATA` has a component `..`"
        );
    }
}
