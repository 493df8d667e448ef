//! The outer container of a `.conda` archive: a zip of three stored members (conda's "package format v2").
//!
//! A whole container is a [`imgbuild_archive::ZipArchive`]. Its directory is also read from the tail of the file alone, so that the
//! metadata of an archive can be read by range requests.

use std::io::Read;
use std::path::Path;

use imgbuild_archive::{ZipArchive, ZipBody, ZipFileError, ZipLimits, ZipMember, ZipMethod, zip_members};
use serde::Deserialize;

use crate::limits::{CONTAINER_METADATA_LIMIT, MOST_MEMBERS};

/// Why a container is refused.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// The zip itself is.
    #[error(transparent)]
    Zip(#[from] imgbuild_archive::ZipError),
    /// The same of a whole file.
    #[error(transparent)]
    File(#[from] ZipFileError),
    /// It lacks a member.
    #[error("the archive has no member `{0}`")]
    Missing(&'static str),
    /// Its `metadata.json` cannot be read.
    #[error("`metadata.json` of the archive cannot be read: {0}")]
    Metadata(String),
    /// It is of a format that is not known.
    #[error("`metadata.json` of the archive says that its format is {0}, and only 2 is known")]
    Version(u64),
    /// Its members are those of two packages.
    #[error("the archive holds `{info}` beside `{package}`")]
    Names {
        /// The member with the metadata.
        info: String,
        /// The member with the files.
        package: String,
    },
}

/// The members that matter, by their numbers.
struct Numbers {
    metadata: usize,
    info: usize,
    package: usize,
}

/// The two members that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    /// `info-NAME.tar.zst`: the metadata.
    pub info: ZipMember,
    /// `pkg-NAME.tar.zst`: the files.
    pub package: ZipMember,
}

/// Finds the members in the last bytes of a file of `total` bytes.
///
/// # Errors
///
/// When the container is refused, or its directory begins before `tail`.
pub(crate) fn members(tail: &[u8], total: u64) -> Result<Members, ZipError> {
    let mut members = zip_members(tail, total, MOST_MEMBERS)?;
    let Numbers { info, package, .. } = numbers(&members)?;
    let (info, package) = (members[info].clone(), members.swap_remove(package));
    Ok(Members { info, package })
}

/// Which member of a container is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The metadata.
    Info,
    /// The files.
    Package,
}

/// Opens a whole container, checks all of it, and gives one of its members.
///
/// # Errors
///
/// When the file cannot be read or is refused.
pub(crate) fn open(path: &Path, part: Part) -> Result<ZipBody, ZipError> {
    #[derive(Deserialize)]
    struct Metadata {
        conda_pkg_format_version: u64,
    }
    // Its members are stored: what they unpack to is what they have.
    let archive = ZipArchive::open(path, ZipLimits { members: MOST_MEMBERS, content: u64::MAX })?;
    let numbers = numbers(archive.members())?;
    let body = |number| archive.body(number).ok_or(ZipError::Zip(imgbuild_archive::ZipError::Truncated));
    let mut text = Vec::new();
    let read = body(numbers.metadata)?.take(CONTAINER_METADATA_LIMIT).read_to_end(&mut text);
    read.map_err(ZipFileError::Read)?;
    let metadata: Metadata =
        serde_json::from_slice(&text).map_err(|error| ZipError::Metadata(error.to_string()))?;
    match metadata.conda_pkg_format_version {
        2 => body(if part == Part::Info { numbers.info } else { numbers.package }),
        other => Err(ZipError::Version(other)),
    }
}

fn numbers(members: &[ZipMember]) -> Result<Numbers, ZipError> {
    const METADATA: &str = "metadata.json";
    let (mut info, mut package, mut metadata) = (None, None, None);
    for (number, member) in members.iter().enumerate() {
        let refused =
            |rule| Err(imgbuild_archive::ZipError::Member { name: member.name().to_owned(), rule }.into());
        if member.method() != ZipMethod::Stored {
            return refused("it is compressed, and the members of a `.conda` archive are not");
        }
        let tar = member.name().ends_with(".tar.zst");
        let place = match member.name() {
            METADATA => &mut metadata,
            name if tar && name.starts_with("info-") => &mut info,
            name if tar && name.starts_with("pkg-") => &mut package,
            _ => return refused("it is no part of a `.conda` archive"),
        };
        if place.replace(number).is_some() {
            return refused("the archive has two of its kind");
        }
    }
    let info = info.ok_or(ZipError::Missing("info-*.tar.zst"))?;
    let package = package.ok_or(ZipError::Missing("pkg-*.tar.zst"))?;
    let metadata = metadata.ok_or(ZipError::Missing(METADATA))?;
    let [of_info, of_package] = [info, package].map(|number| members[number].name());
    if of_info.strip_prefix("info-") != of_package.strip_prefix("pkg-") {
        return Err(ZipError::Names { info: of_info.to_owned(), package: of_package.to_owned() });
    }
    Ok(Numbers { metadata, info, package })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const END: &[u8] = b"PK\x05\x06";
    const CENTRAL: &[u8] = b"PK\x01\x02";
    const LOCAL: &[u8] = b"PK\x03\x04";

    /// A stored member as Python's `zipfile` writes it: local header and central record.
    fn member(name: &str, data: &[u8], offset: usize) -> (Vec<u8>, Vec<u8>) {
        let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), bit);
        let crc = (!data.iter().fold(!0, byte)).to_le_bytes();
        let size = (data.len() as u32).to_le_bytes();
        let name_size = (name.len() as u16).to_le_bytes();
        let mut local =
            [LOCAL, &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0], &crc, &size, &size, &name_size, &[0, 0]].concat();
        local.extend_from_slice(name.as_bytes());
        local.extend_from_slice(data);
        let head =
            [CENTRAL, &[20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0], &crc, &size, &size, &name_size].concat();
        let central = [&head, &[0; 12][..], &(offset as u32).to_le_bytes(), name.as_bytes()].concat();
        (local, central)
    }

    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for (name, data) in members {
            let (local, central) = member(name, data, file.len());
            file.extend(local);
            directory.extend(central);
        }
        let count = (members.len() as u16).to_le_bytes();
        let (size, offset) = ((directory.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes());
        file.extend(directory);
        file.extend([END, &[0; 4], &count, &count, &size, &offset, &[0, 0]].concat());
        file
    }

    const GOOD: [(&str, &[u8]); 3] =
        [("metadata.json", b"{}"), ("pkg-a-1-0.tar.zst", b"package"), ("info-a-1-0.tar.zst", b"info")];

    fn refusal(file: &[u8]) -> String {
        members(file, file.len() as u64).unwrap_err().to_string()
    }

    #[test]
    fn the_members_of_a_conda_archive_are_found() {
        let file = zip(&GOOD);
        let found = members(&file, file.len() as u64).unwrap();
        for (member, data) in [(found.info, b"info".as_slice()), (found.package, b"package")] {
            let at = member.data_offset(&file[member.header() as usize..]).unwrap() as usize;
            assert_eq!(&file[at..at + member.size() as usize], data);
        }
    }

    #[test]
    fn the_tail_says_how_much_more_is_needed() {
        let file = zip(&GOOD);
        let tail = &file[file.len() - 30..];
        let Err(ZipError::Zip(imgbuild_archive::ZipError::NeedTail(offset))) =
            members(tail, file.len() as u64)
        else {
            panic!("enough")
        };
        assert!(members(&file[offset as usize..], file.len() as u64).is_ok());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let twice = [GOOD[0], GOOD[1], GOOD[2], GOOD[2]];
        let of = |name, rule| format!("the zip container is ambiguous or damaged at `{name}`: {rule}");
        assert_eq!(refusal(&zip(&twice)), of("info-a-1-0.tar.zst", "the archive has it twice"));
        let two = [GOOD[0], GOOD[1], GOOD[2], ("info-b-1-0.tar.zst", b"".as_slice())];
        assert_eq!(refusal(&zip(&two)), of("info-b-1-0.tar.zst", "the archive has two of its kind"));
        let other = [GOOD[0], GOOD[1], ("info-b-1-0.tar.zst", b"".as_slice())];
        assert_eq!(
            refusal(&zip(&other)),
            "the archive holds `info-b-1-0.tar.zst` beside `pkg-a-1-0.tar.zst`"
        );
        assert_eq!(refusal(&zip(&GOOD[1..])), "the archive has no member `metadata.json`");
        let strange = [GOOD[0], GOOD[1], GOOD[2], ("evil", b"".as_slice())];
        assert_eq!(refusal(&zip(&strange)), of("evil", "it is no part of a `.conda` archive"));
        assert_eq!(refusal(&zip(&GOOD[..2])), "the archive has no member `info-*.tar.zst`");
        assert_eq!(refusal(b"PK"), "the archive is truncated or is not a zip");
        let mut behind = zip(&GOOD);
        behind.push(0);
        assert_eq!(refusal(&behind), "the archive is truncated or is not a zip");

        let mut renamed = zip(&GOOD);
        renamed[30] = b'M';
        let found = members(&renamed, renamed.len() as u64).unwrap();
        assert!(found.info.data_offset(&renamed[found.info.header() as usize..]).is_ok());
        let info = found.info.header() as usize;
        renamed[info + 30] = b'X';
        let error = found.info.data_offset(&renamed[info..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            of("info-a-1-0.tar.zst", "its header has another name than the directory")
        );
    }

    #[test]
    fn a_whole_container_is_checked_whole() {
        let opened = |bytes: &[u8]| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            let mut text = String::new();
            let body = open(file.path(), Part::Info).map_err(|error| error.to_string())?;
            { body }.read_to_string(&mut text).map_err(|error| error.to_string())?;
            Ok::<String, String>(text)
        };
        let with = |metadata: &'static [u8]| zip(&[("metadata.json", metadata), GOOD[1], GOOD[2]]);
        let good = with(b"{\"conda_pkg_format_version\": 2}");
        assert_eq!(opened(&good), Ok("info".to_owned()));
        let refused = |bytes: &[u8]| opened(bytes).unwrap_err();
        assert_eq!(
            refused(&with(b"{\"conda_pkg_format_version\": 3}")),
            "`metadata.json` of the archive says that its format is 3, and only 2 is known"
        );
        assert_eq!(
            refused(&with(b"{}")),
            "`metadata.json` of the archive cannot be read: missing field `conda_pkg_format_version` at line 1 column 2"
        );
        let in_front = [b"junk".as_slice(), &good].concat();
        assert_eq!(
            refused(&in_front),
            "the zip container is ambiguous or damaged: its directory does not stand at its end"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut file in Just(zip(&GOOD)),
                                  damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
                                  cut in any::<prop::sample::Index>()) {
            for (at, byte) in damage {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let tail = &file[cut.index(file.len())..];
            if let Ok(found) = members(tail, file.len() as u64) {
                for member in [found.info, found.package] {
                    let header = usize::try_from(member.header()).unwrap().min(file.len());
                    let _checked = member.data_offset(&file[header..]);
                }
            }
        }
    }
}
