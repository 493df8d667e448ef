//! Source distributions ("Source distribution format", PEP 625, and those from before it), read strictly.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use imgbuild_archive::{ImagePath, TarKind, TarReader, ZipArchive, ZipLimits};
use imgbuild_folder::FileError;

use crate::limits::MOST_ZIP_MEMBERS;
use crate::source::{SourceError, SourceTree};

/// How many bytes of memory the xz decoder may have: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// The type of a file in the mode of a zip's member, and two of its values.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Puts the files of the source distribution `path`, whose name is `filename`, without the folder that they all stand in.
///
/// # Errors
///
/// When it is damaged, hostile, or not what a source distribution is.
pub(crate) fn put_sdist(path: &Path, filename: &str, tree: &mut SourceTree<'_>) -> Result<(), SourceError> {
    let failed = |error| SourceError::File(FileError { path: path.to_owned(), what: "read", error });
    let file = File::open(path).map_err(failed)?;
    let limit = imgbuild_oci::unpacked_limit(file.metadata().map_err(failed)?.len());
    let is = |ends: &[&str]| ends.iter().any(|end| filename.ends_with(end));
    if is(&[".zip"]) {
        return put_zip(path, limit, tree);
    }
    let file = BufReader::with_capacity(1 << 16, file);
    let decoder: Box<dyn Read> = if is(&[".tar.gz", ".tgz"]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if is(&[".tar.bz2", ".tbz"]) {
        Box::new(bzip2::bufread::MultiBzDecoder::new(file))
    } else if is(&[".tar.xz", ".txz"]) {
        Box::new(imgbuild_archive::xz(file, XZ_MEMORY).map_err(failed)?)
    } else {
        return Err(SourceError::Kind(filename.to_owned()));
    };
    put_tar(TarReader::new(decoder, limit), tree)
}

/// Puts the files of a tar.
///
/// # Errors
///
/// As [`put_sdist`].
pub(crate) fn put_tar<R: Read>(
    mut reader: TarReader<R>,
    tree: &mut SourceTree<'_>,
) -> Result<(), SourceError> {
    let mut top = Top::default();
    while let Some(head) = reader.next_entry()? {
        let Some(path) = &head.path else { continue };
        let Some(path) = top.strip(path, head.kind == TarKind::Directory)? else { continue };
        match &head.kind {
            TarKind::Directory => tree.folder(&path)?,
            TarKind::File => tree.file(&path, head.mode & 0o100 != 0, head.size, &mut reader.body())?,
            TarKind::Symlink(target) => {
                if leads_out(&path, target) {
                    return Err(SourceError::Link { path, target: target.clone() });
                }
                tree.link(&path, target)?;
            }
            TarKind::Hardlink(target) => match top.strip(target, false)? {
                Some(target) => tree.name(&path, &target)?,
                None => return Err(SourceError::Link { path, target: target.to_string() }),
            },
        }
    }
    Ok(())
}

fn put_zip(path: &Path, limit: u64, tree: &mut SourceTree<'_>) -> Result<(), SourceError> {
    let zip = ZipArchive::open(path, ZipLimits { members: MOST_ZIP_MEMBERS, content: limit })?;
    let mut top = Top::default();
    for (number, member) in zip.members().iter().enumerate() {
        let is_folder = member.name().ends_with('/');
        let Some(path) = ImagePath::from_archive(member.name().as_bytes())? else { continue };
        let Some(path) = top.strip(&path, is_folder)? else { continue };
        // Zips from elsewhere than Unix say nothing of types.
        match member.mode() & TYPE {
            0 | REGULAR | FOLDER => {}
            _ => return Err(SourceError::Member { path: path.to_string(), rule: "is no file of a zip" }),
        }
        if is_folder {
            tree.folder(&path)?;
        } else if let Some(mut body) = zip.body(number) {
            tree.file(&path, member.mode() & 0o100 != 0, member.size(), &mut body)?;
        }
    }
    Ok(())
}

/// The one folder that all else stands in.
#[derive(Default)]
struct Top(Option<String>);

impl Top {
    /// The path below the folder; nothing for the folder itself.
    fn strip(&mut self, path: &ImagePath, is_folder: bool) -> Result<Option<ImagePath>, SourceError> {
        let (first, rest) = match path.as_str().split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path.as_str(), None),
        };
        let top = self.0.get_or_insert_with(|| first.to_owned());
        if top != first || rest.is_none() && !is_folder {
            return Err(SourceError::SeveralFolders { first: top.clone(), other: path.as_str().to_owned() });
        }
        Ok(rest.map(ImagePath::new).transpose()?)
    }
}

/// Whether a link leads out of the folder that `path` is relative to, by its words alone.
fn leads_out(path: &ImagePath, target: &str) -> bool {
    let mut depth = path.ancestors().count();
    if target.starts_with('/') {
        return true;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}
