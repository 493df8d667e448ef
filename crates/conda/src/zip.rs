//! The outer container of a `.conda` archive: a zip of three stored members.
//!
//! Zip states everything twice, in the central directory and before each member, and readers disagree on which to
//! believe. This one reads only what a `.conda` may hold (conda's "package format v2") and refuses the rest: compressed
//! or encrypted members, doubled names, members that overlap, comments, headers that differ. It works on the tail of the
//! file alone, so that the metadata of an archive can be read by range requests.

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_SIZE: u64 = 30;

/// Why a zip is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// It is not a zip, or not a whole one.
    #[error("the archive is truncated or is not a zip")]
    Truncated,
    /// It is damaged or can be read in two ways.
    #[error("the zip container is ambiguous or damaged: {0}")]
    Refused(&'static str),
    /// It lacks a member.
    #[error("the archive has no member `{0}`")]
    Missing(&'static str),
    /// More of the file's end is needed: from this offset on.
    #[error("the central directory begins at offset {0}, before what was read")]
    NeedTail(u64),
}

/// A member, by the central directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    name: String,
    /// Where its local header begins.
    pub header: u64,
    /// The size of its data in bytes.
    pub size: u64,
}

/// The two members that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    /// `info-NAME.tar.zst`: the metadata.
    pub info: Member,
    /// `pkg-NAME.tar.zst`: the files.
    pub package: Member,
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ZipError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ZipError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, ZipError> {
        self.take(2)?.try_into().map(u16::from_le_bytes).map_err(|_| ZipError::Truncated)
    }

    fn u32(&mut self) -> Result<u32, ZipError> {
        self.take(4)?.try_into().map(u32::from_le_bytes).map_err(|_| ZipError::Truncated)
    }

    fn u64(&mut self) -> Result<u64, ZipError> {
        self.take(8)?.try_into().map(u64::from_le_bytes).map_err(|_| ZipError::Truncated)
    }
}

/// Where the central directory is, and how many members it lists.
struct Directory {
    offset: u64,
    size: u64,
    count: u64,
}

/// Reads the central directory from the last bytes of a file of `total` bytes.
///
/// # Errors
///
/// When the container is refused, or the directory begins before `tail`.
pub(crate) fn members(tail: &[u8], total: u64) -> Result<Members, ZipError> {
    let start = total.checked_sub(tail.len() as u64).ok_or(ZipError::Truncated)?;
    let directory = directory(tail, start)?;
    let within = directory.offset.checked_sub(start).ok_or(ZipError::NeedTail(directory.offset))?;
    let within = usize::try_from(within).map_err(|_| ZipError::Truncated)?;
    let length = usize::try_from(directory.size).map_err(|_| ZipError::Truncated)?;
    let end = within.checked_add(length).ok_or(ZipError::Truncated)?;
    let mut fields = Fields(tail.get(within..end).ok_or(ZipError::Truncated)?);
    let mut members = Vec::new();
    for _ in 0..directory.count {
        members.push(central_member(&mut fields)?);
    }
    if !fields.0.is_empty() {
        return Err(ZipError::Refused("its directory has another size than it says"));
    }
    select(members, directory.offset)
}

fn directory(tail: &[u8], start: u64) -> Result<Directory, ZipError> {
    let end_at = tail.len().checked_sub(22).ok_or(ZipError::Truncated)?;
    let mut end = Fields(&tail[end_at..]);
    if end.take(4)? != END {
        return Err(ZipError::Truncated);
    }
    let (disk, first_disk) = (end.u16()?, end.u16()?);
    let (here, count) = (end.u16()?, end.u16()?);
    let (size, offset) = (end.u32()?, end.u32()?);
    if end.u16()? != 0 {
        return Err(ZipError::Refused("it has a comment"));
    }
    let saturated = here == u16::MAX || count == u16::MAX || size == u32::MAX || offset == u32::MAX;
    let directory = if saturated {
        directory_64(tail, start, end_at)?
    } else {
        if (disk, first_disk) != (0, 0) || here != count {
            return Err(ZipError::Refused("it spans several disks"));
        }
        let directory = Directory { offset: offset.into(), size: size.into(), count: count.into() };
        if directory.offset + directory.size != start + end_at as u64 {
            return Err(ZipError::Refused("its directory does not stand at its end"));
        }
        directory
    };
    // A `.conda` has three members; a directory of millions is an attack on our memory.
    if directory.count > 16 { Err(ZipError::Refused("it has too many members")) } else { Ok(directory) }
}

fn directory_64(tail: &[u8], start: u64, end_at: usize) -> Result<Directory, ZipError> {
    let locator_at = end_at.checked_sub(20).ok_or(ZipError::Truncated)?;
    let record_at = locator_at.checked_sub(56).ok_or(ZipError::Truncated)?;
    let mut locator = Fields(&tail[locator_at..end_at]);
    let mut record = Fields(&tail[record_at..locator_at]);
    if locator.take(4)? != LOCATOR_64 || record.take(4)? != END_64 {
        return Err(ZipError::Refused("its zip64 records do not stand at its end"));
    }
    let (_, offset, disks) = (locator.u32()?, locator.u64()?, locator.u32()?);
    let size = record.u64()?;
    let (_, _, disk, first_disk) = (record.u16()?, record.u16()?, record.u32()?, record.u32()?);
    let (here, count) = (record.u64()?, record.u64()?);
    let directory = Directory { size: record.u64()?, offset: record.u64()?, count };
    let at = start + record_at as u64;
    let sane = offset == at && size == 44 && disks <= 1 && (disk, first_disk) == (0, 0) && here == count;
    if !sane || directory.offset.checked_add(directory.size) != Some(at) {
        return Err(ZipError::Refused("its zip64 records contradict the file"));
    }
    Ok(directory)
}

fn central_member(fields: &mut Fields<'_>) -> Result<Member, ZipError> {
    if fields.take(4)? != CENTRAL {
        return Err(ZipError::Refused("its directory is damaged"));
    }
    let (_made_by, _needed) = (fields.u16()?, fields.u16()?);
    let (flags, method) = (fields.u16()?, fields.u16()?);
    let (_time, _date, _crc) = (fields.u16()?, fields.u16()?, fields.u32()?);
    let (packed, size) = (fields.u32()?, fields.u32()?);
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let (_disk, _internal, _external, offset) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
    let name = String::from_utf8(fields.take(name.into())?.to_vec())
        .map_err(|_| ZipError::Refused("a member's name is not valid UTF-8"))?;
    let mut wide = Wide(extra_64(fields.take(extra.into())?)?);
    fields.take(comment.into())?;
    let size = wide.or(size)?;
    let packed = wide.or(packed)?;
    let header = wide.or(offset)?;
    if method != 0 || packed != size {
        return Err(ZipError::Refused("a member is compressed"));
    }
    if flags & 1 != 0 {
        return Err(ZipError::Refused("a member is encrypted"));
    }
    Ok(Member { name, header, size })
}

/// The values of a zip64 extra field, which stand there only for fields that are saturated, in order.
struct Wide<'a>(Option<Fields<'a>>);

impl Wide<'_> {
    fn or(&mut self, narrow: u32) -> Result<u64, ZipError> {
        match (&mut self.0, narrow) {
            (Some(fields), u32::MAX) => fields.u64(),
            (None, u32::MAX) => Err(ZipError::Refused("a zip64 field is missing")),
            (_, narrow) => Ok(narrow.into()),
        }
    }
}

fn extra_64(extra: &[u8]) -> Result<Option<Fields<'_>>, ZipError> {
    let mut fields = Fields(extra);
    let mut found = None;
    while !fields.0.is_empty() {
        let (id, size) = (fields.u16()?, fields.u16()?);
        let value = fields.take(size.into())?;
        if id == 1 && found.replace(Fields(value)).is_some() {
            return Err(ZipError::Refused("a zip64 field is doubled"));
        }
    }
    Ok(found)
}

fn select(members: Vec<Member>, directory: u64) -> Result<Members, ZipError> {
    let mut by_offset: Vec<&Member> = members.iter().collect();
    by_offset.sort_by_key(|member| member.header);
    let ends = by_offset.iter().skip(1).map(|member| member.header).chain([directory]);
    for (member, end) in by_offset.iter().zip(ends) {
        let least = LOCAL_SIZE + member.name.len() as u64;
        if member
            .header
            .checked_add(member.size)
            .and_then(|at| at.checked_add(least))
            .is_none_or(|at| at > end)
        {
            return Err(ZipError::Refused("its members overlap"));
        }
    }
    let (mut info, mut package, mut metadata) = (None, None, None);
    for member in members {
        let tar = member.name.ends_with(".tar.zst");
        let place = match member.name.as_str() {
            "metadata.json" => &mut metadata,
            name if tar && name.starts_with("info-") => &mut info,
            name if tar && name.starts_with("pkg-") => &mut package,
            _ => return Err(ZipError::Refused("it has a member that is no part of a `.conda` archive")),
        };
        if place.replace(member).is_some() {
            return Err(ZipError::Refused("it has a member twice"));
        }
    }
    Ok(Members {
        info: info.ok_or(ZipError::Missing("info-*.tar.zst"))?,
        package: package.ok_or(ZipError::Missing("pkg-*.tar.zst"))?,
    })
}

impl Member {
    /// How many bytes from [`Member::header`] on hold the local header at the most.
    pub(crate) const LOCAL_LIMIT: u64 = LOCAL_SIZE + 2 * 65_535;

    /// Checks the local header against the directory, and says where the data begins.
    ///
    /// `bytes` are those from [`Member::header`] on: [`Member::LOCAL_LIMIT`] of them, or all that are left.
    ///
    /// # Errors
    ///
    /// When the two differ.
    pub(crate) fn data_offset(&self, bytes: &[u8]) -> Result<u64, ZipError> {
        const DIFFERS: ZipError = ZipError::Refused("a member's header differs from the directory");
        let mut fields = Fields(bytes);
        if fields.take(4)? != LOCAL {
            return Err(DIFFERS);
        }
        let (_needed, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (_time, _date, _crc) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (packed, size) = (fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.u16()?, fields.u16()?);
        if fields.take(name.into())? != self.name.as_bytes() || method != 0 || flags & 1 != 0 {
            return Err(DIFFERS);
        }
        let mut wide = Wide(extra_64(fields.take(extra.into())?)?);
        // With bit 3, the sizes follow the data; here they are nought.
        let follows = flags & 8 != 0 && (packed, size) == (0, 0);
        if !follows && (wide.or(size)? != self.size || wide.or(packed)? != self.size) {
            return Err(DIFFERS);
        }
        Ok(self.header + LOCAL_SIZE + u64::from(name) + u64::from(extra))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            let at = member.data_offset(&file[member.header as usize..]).unwrap() as usize;
            assert_eq!(&file[at..at + member.size as usize], data);
        }
    }

    #[test]
    fn the_tail_says_how_much_more_is_needed() {
        let file = zip(&GOOD);
        let tail = &file[file.len() - 30..];
        let Err(ZipError::NeedTail(offset)) = members(tail, file.len() as u64) else { panic!("enough") };
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
        assert!(found.info.data_offset(&renamed[found.info.header as usize..]).is_ok());
        let info = found.info.header as usize;
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
                    let header = usize::try_from(member.header).unwrap().min(file.len());
                    let _checked = member.data_offset(&file[header..]);
                }
            }
        }
    }
}
