//! The outer container of a `.conda` archive: a zip of three stored members (conda's "package format v2").
//!
//! The zip itself is read by [`layer::zip_members`], from the tail of the file alone, so that the metadata of an archive
//! can be read by range requests.

use layer::{ZipMember, ZipMethod, zip_members};

/// Why a container is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// The zip itself is.
    #[error(transparent)]
    Zip(#[from] layer::ZipError),
    /// It lacks a member.
    #[error("the archive has no member `{0}`")]
    Missing(&'static str),
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
    let refused = |rule| Err(layer::ZipError::Refused(rule).into());
    let (mut info, mut package, mut metadata) = (None, None, None);
    // A `.conda` has three members; a directory of millions is an attack on our memory.
    for member in zip_members(tail, total, 16)? {
        if member.method() != ZipMethod::Stored {
            return refused("a member is compressed");
        }
        let tar = member.name().ends_with(".tar.zst");
        let place = match member.name() {
            "metadata.json" => &mut metadata,
            name if tar && name.starts_with("info-") => &mut info,
            name if tar && name.starts_with("pkg-") => &mut package,
            _ => return refused("it has a member that is no part of a `.conda` archive"),
        };
        if place.replace(member).is_some() {
            return refused("it has a member twice");
        }
    }
    Ok(Members {
        info: info.ok_or(ZipError::Missing("info-*.tar.zst"))?,
        package: package.ok_or(ZipError::Missing("pkg-*.tar.zst"))?,
    })
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
        let size = (data.len() as u32).to_le_bytes();
        let name_size = (name.len() as u16).to_le_bytes();
        let mut local =
            [LOCAL, &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 4], &size, &size, &name_size, &[0, 0]].concat();
        local.extend_from_slice(name.as_bytes());
        local.extend_from_slice(data);
        let head =
            [CENTRAL, &[20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 4], &size, &size, &name_size].concat();
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
        let Err(ZipError::Zip(layer::ZipError::NeedTail(offset))) = members(tail, file.len() as u64) else {
            panic!("enough")
        };
        assert!(members(&file[offset as usize..], file.len() as u64).is_ok());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let ambiguous = |rule| format!("the zip container is ambiguous or damaged: {rule}");
        let twice = [GOOD[0], GOOD[1], GOOD[2], GOOD[2]];
        assert_eq!(refusal(&zip(&twice)), ambiguous("it has a member twice"));
        let strange = [GOOD[0], GOOD[1], GOOD[2], ("evil", b"".as_slice())];
        assert_eq!(
            refusal(&zip(&strange)),
            ambiguous("it has a member that is no part of a `.conda` archive")
        );
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
        assert_eq!(error.to_string(), ambiguous("a member's header differs from the directory"));
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
