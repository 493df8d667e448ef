//! One member: what the directory says of it, and whether its own header says the same.

use super::{Fields, ZipError};
use crate::limits::{LONGEST_PATH, MOST_COMPONENTS};

const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// The size of a local header without name and extra fields.
pub(super) const LOCAL_SIZE: u64 = 30;

/// Bit 0, and those of "strong encryption": 6 and 13.
const ENCRYPTED: u16 = 0x2041;
/// Bit 3: checksum and sizes follow the data.
const FOLLOWS: u16 = 8;
/// Bit 5: the data is a patch of something else.
const PATCH: u16 = 0x20;
/// Bit 11: the name is UTF-8.
const UTF_8: u16 = 0x0800;
/// Bits 1 and 2: how hard the writer tried. Nothing depends on them.
const EFFORT: u16 = 6;

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZipMethod {
    /// As it is.
    Stored,
    /// By deflate.
    Deflated,
}

/// A member, by the central directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipMember {
    name: String,
    flags: u16,
    pub(super) header: u64,
    /// Where the next member, or the directory, begins.
    pub(super) end: u64,
    pub(super) packed: u64,
    size: u64,
    pub(super) crc: u32,
    method: ZipMethod,
    /// The mode that Unix gave the file, with its type; nought where none did.
    mode: u32,
    date: u16,
    time: u16,
}

impl ZipMember {
    /// How many bytes from [`ZipMember::header`] on hold the local header at the most.
    pub const LOCAL_LIMIT: u64 = LOCAL_SIZE + 2 * 65_535;

    /// Its name, as it is written: with a `/` at the end where it is a folder. Nothing else of it was checked.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its local header begins.
    pub fn header(&self) -> u64 {
        self.header
    }

    /// Where the next member, or the directory, begins.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The bytes that it takes in the archive.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// The bytes that it unpacks to.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How it is packed.
    pub fn method(&self) -> ZipMethod {
        self.method
    }

    /// The mode that it had on the Unix on which the archive was made, with the bits of the file's type; nought where
    /// there was none.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Its time in seconds since 1970. Zip's own field has no time zone: it is read as UTC. Months and days that there
    /// are not (some writers put nought) count as the nearest.
    pub fn mtime(&self) -> i64 {
        let (date, time) = (i64::from(self.date), i64::from(self.time));
        let (year, month, day) = (1980 + (date >> 9), (date >> 5 & 15).clamp(1, 12), (date & 31).max(1));
        let seconds = (time >> 11).min(23) * 3600 + (time >> 5 & 63).min(59) * 60 + ((time & 31) * 2).min(59);
        // Days of the proleptic Gregorian calendar, with years that begin in March. Beyond the month's last day it runs on.
        let year = if month > 2 { year } else { year - 1 };
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468;
        days * 86_400 + seconds
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ZipError> {
        if fields.take(4)? != CENTRAL {
            return Err(ZipError::Refused("its directory is damaged"));
        }
        let (made_by, _needed) = (fields.u16()?, fields.u16()?);
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let (time, date, crc) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (packed, size) = (fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (disk, _internal, external, offset) =
            (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
        let name = String::from_utf8(fields.take(name.into())?.to_vec())
            .map_err(|_| ZipError::Refused("a member's name is not valid UTF-8"))?;
        let refused = |rule| ZipError::Member { name: name.clone(), rule };
        let mut wide = Zip64Values::read(fields.take(extra.into())?).map_err(refused)?;
        fields.take(comment.into())?;
        let size = wide.or(size).map_err(refused)?;
        let packed = wide.or(packed).map_err(refused)?;
        let header = wide.or(offset).map_err(refused)?;
        wide.finish().map_err(refused)?;
        check_name(&name).map_err(refused)?;
        if flags & ENCRYPTED != 0 {
            return Err(refused("it is encrypted"));
        }
        if flags & PATCH != 0 {
            return Err(refused("it is a patch of something else"));
        }
        if !name.is_ascii() && flags & UTF_8 == 0 {
            return Err(refused("its name is in an unnamed encoding"));
        }
        if disk != 0 {
            return Err(refused("it is on another disk"));
        }
        if name.ends_with('/') && size != 0 {
            return Err(refused("it is a folder and has content"));
        }
        let method = match method {
            0 if packed != size => return Err(refused("it has two sizes")),
            0 => ZipMethod::Stored,
            8 => ZipMethod::Deflated,
            _ => return Err(refused("it is packed by a method that is not read here")),
        };
        // The upper byte names the system; 3 is Unix, 19 is Darwin.
        let mode = if matches!(made_by >> 8, 3 | 19) { external >> 16 } else { 0 };
        // Readers go by the type or by the slash.
        let is_folder = mode & 0o170_000 == 0o040_000;
        if is_folder && !name.ends_with('/') || name.ends_with('/') && mode & 0o170_000 == 0o100_000 {
            return Err(refused(
                "its type says that it is a folder, and its name that it is none, or the reverse",
            ));
        }
        Ok(Self { name, flags, header, end: 0, packed, size, crc, method, mode, date, time })
    }

    /// Checks the local header against the directory, and says where the data begins.
    ///
    /// `bytes` are those from [`ZipMember::header`] on: [`ZipMember::LOCAL_LIMIT`] of them, or all that are left.
    ///
    /// # Errors
    ///
    /// When the two differ.
    pub fn data_offset(&self, bytes: &[u8]) -> Result<u64, ZipError> {
        self.local(bytes).map(|local| local.data)
    }

    pub(super) fn local(&self, bytes: &[u8]) -> Result<Local, ZipError> {
        let differs = |rule| ZipError::Member { name: self.name.clone(), rule };
        let mut fields = Fields(bytes);
        if fields.take(4)? != LOCAL {
            return Err(differs("its header is not where the directory says"));
        }
        let (_needed, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (_time, _date, crc) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (packed, size) = (fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.u16()?, fields.u16()?);
        let expected = if self.method == ZipMethod::Stored { 0 } else { 8 };
        if fields.take(name.into())? != self.name.as_bytes() {
            return Err(differs("its header has another name than the directory"));
        }
        if method != expected {
            return Err(differs("its header has another method than the directory"));
        }
        if (flags ^ self.flags) & !EFFORT != 0 {
            return Err(differs("its header has other flags than the directory"));
        }
        let mut wide = Zip64Values::read(fields.take(extra.into())?).map_err(differs)?;
        // The tool of protobuf's wheels states both sizes there once more; then they must be the same.
        wide.repeats([self.size, self.packed]);
        let (size, packed) = (wide.or(size).map_err(differs)?, wide.or(packed).map_err(differs)?);
        wide.finish().map_err(differs)?;
        let said = (crc, size, packed);
        let follows = flags & FOLLOWS != 0;
        // With bit 3 they stand behind the data; here they may be nought.
        if said != (self.crc, self.size, self.packed) && !(follows && said == (0, 0, 0)) {
            return Err(differs("its header has other sizes or another checksum than the directory"));
        }
        let data = self.header + LOCAL_SIZE + u64::from(name) + u64::from(extra);
        Ok(Local { data, follows })
    }

    /// Checks what stands between the end of the data and the next member: nothing, or the data descriptor.
    pub(super) fn check_behind(&self, bytes: &[u8], follows: bool) -> Result<(), ZipError> {
        let refused = |rule| Err(ZipError::Member { name: self.name.clone(), rule });
        if !follows {
            return if bytes.is_empty() { Ok(()) } else { refused("bytes behind it belong to nothing") };
        }
        // With or without its signature, with sizes of four bytes or of eight.
        let numbers = match bytes.len() {
            12 | 20 => Some(bytes),
            16 | 24 => bytes.strip_prefix(DESCRIPTOR),
            _ => None,
        };
        let Some(numbers) = numbers else { return refused("its data descriptor is damaged") };
        let mut fields = Fields(numbers);
        let crc = fields.u32()?;
        let (packed, size) = if numbers.len() == 12 {
            (u64::from(fields.u32()?), u64::from(fields.u32()?))
        } else {
            (fields.u64()?, fields.u64()?)
        };
        if (crc, packed, size) == (self.crc, self.packed, self.size) {
            Ok(())
        } else {
            refused("its data descriptor differs from the directory")
        }
    }
}

/// What only the local header says.
pub(super) struct Local {
    /// Where the data begins.
    pub(super) data: u64,
    /// Whether a data descriptor follows the data.
    pub(super) follows: bool,
}

/// A name must mean the same on every system, and nothing outside of where the archive is unpacked.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it has no name");
    }
    if name.contains('\0') {
        return Err("its name has a NUL byte");
    }
    if name.contains('\\') {
        return Err("its name has a backslash, which some systems read as a slash");
    }
    if name.len() > LONGEST_PATH || name.bytes().filter(|byte| *byte == b'/').count() > MOST_COMPONENTS {
        return Err("its name is longer or deeper than a path may be");
    }
    if name.starts_with('/') {
        return Err("its name is absolute");
    }
    if name.split('/').any(|component| component == "..") {
        return Err("its name has a component `..`");
    }
    Ok(())
}

/// The values of a zip64 extra field, which stand there only for fields that are saturated, in order. Readers differ in
/// what they make of those that stand there without need. Beside the values: whether they may stand there so.
struct Zip64Values<'a>(Option<Fields<'a>>, bool);

impl<'a> Zip64Values<'a> {
    /// Looks through a member's extra fields.
    fn read(extra: &'a [u8]) -> Result<Self, &'static str> {
        const ZIP_64: u16 = 1;
        /// Info-ZIP's second name of a member.
        const UNICODE_PATH: u16 = 0x7075;
        let mut fields = Fields(extra);
        let mut found = None;
        while !fields.0.is_empty() {
            let head = fields.u16().and_then(|id| Ok((id, fields.u16()?)));
            let value = head.and_then(|(id, size)| Ok((id, fields.take(size.into())?)));
            let (id, value) = value.map_err(|_| "its extra fields are damaged")?;
            if id == UNICODE_PATH {
                return Err("it has two names");
            }
            if id == ZIP_64 && value.is_empty() {
                return Err("its zip64 field is empty");
            }
            if id == ZIP_64 && found.replace(Fields(value)).is_some() {
                return Err("its zip64 field is doubled");
            }
        }
        Ok(Self(found, false))
    }

    fn or(&mut self, narrow: u32) -> Result<u64, &'static str> {
        match (&mut self.0, narrow) {
            (Some(fields), u32::MAX) => fields.u64().map_err(|_| "its zip64 field is too short"),
            (None, u32::MAX) => Err("its zip64 field is missing"),
            (_, narrow) => Ok(narrow.into()),
        }
    }

    /// Lets values stand that nobody asks for where they are exactly these: whoever reads them or not reads the same.
    fn repeats(&mut self, values: [u64; 2]) {
        let stated = values.map(u64::to_le_bytes).concat();
        self.1 = self.0.as_ref().is_some_and(|fields| fields.0 == stated);
    }

    /// Everything must have been asked for.
    fn finish(self) -> Result<(), &'static str> {
        match self.0 {
            Some(fields) if !fields.0.is_empty() && !self.1 => {
                Err("its zip64 field states what needs no stating")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mtime(year: u16, month: u16, day: u16, hour: u16, minute: u16, half_second: u16) -> i64 {
        ZipMember {
            name: String::new(),
            flags: 0,
            header: 0,
            end: 0,
            packed: 0,
            size: 0,
            crc: 0,
            method: ZipMethod::Stored,
            mode: 0,
            date: (year - 1980) << 9 | month << 5 | day,
            time: hour << 11 | minute << 5 | half_second,
        }
        .mtime()
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(mtime(1980, 1, 1, 0, 0, 0), 315_532_800);
        assert_eq!(mtime(2000, 2, 29, 23, 59, 29), 951_868_798);
        assert_eq!(mtime(2107, 12, 31, 23, 59, 29), 4_354_819_198);
        assert_eq!(mtime(1980, 0, 0, 0, 0, 0), 315_532_800);
        assert_eq!(mtime(2000, 15, 31, 31, 63, 31), 978_307_199);
    }
}
