//! One header of a tar archive, parsed strictly: POSIX.1-2017, `pax`, "ustar Interchange Format", GNU tar's own form of it,
//! and the headers from before POSIX.
//!
//! Readers differ in what they forgive: a prefix under another magic, signs and blanks in numbers, numbers of more than 64
//! bits. Each of that is refused here. What GNU tar, Python, Go, libarchive and dpkg-deb write is read.

use crate::TarError;

/// The size of a header, and what all sizes are rounded up to.
pub(crate) const BLOCK: usize = 512;

/// The three forms of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// From before POSIX: everything behind the link's target is nought.
    Old,
    /// POSIX's.
    Ustar,
    /// GNU tar's.
    Gnu,
}

/// What the type flag of a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeFlag {
    /// `0`.
    File,
    /// NUL: a file, or, where the name ends with a slash, a folder. It is how headers from before POSIX have both.
    OldFile,
    /// `1`.
    Hardlink,
    /// `2`.
    Symlink,
    /// `3`.
    Character,
    /// `4`.
    Block,
    /// `5`.
    Directory,
    /// `6`.
    Fifo,
    /// `x`.
    Extended,
    /// `g`.
    Global,
    /// `L`.
    LongName,
    /// `K`.
    LongLink,
    /// `S`.
    Sparse,
    /// Something else. `7`, a contiguous file, is among it: neither engines nor dpkg take it for one.
    Other,
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarHeader {
    pub(crate) flag: TypeFlag,
    /// The name, with the prefix where there is one.
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) mode: u32,
    /// The numbers of user and group.
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) size: u64,
    pub(crate) mtime: i64,
    /// The names of user and group; empty where there are none.
    pub(crate) user: Vec<u8>,
    pub(crate) group: Vec<u8>,
    pub(crate) device: (u32, u32),
}

impl TarHeader {
    /// Parses a block that is not all noughts.
    ///
    /// # Errors
    ///
    /// When its checksum is wrong, or it is in none of the three forms.
    pub(crate) fn parse(block: &[u8; BLOCK]) -> Result<Self, TarError> {
        check_sum(block)?;
        let text = |from: usize, to: usize| until_nul(&block[from..to]).to_vec();
        let name = text(0, 100);
        let field =
            |from: usize, to: usize, what| number(&block[from..to]).ok_or_else(|| damaged(&name, what));
        let form = form(block).map_err(|rule| TarError::ambiguous(&name, rule))?;
        let positive = |from, to, what| {
            field(from, to, what).and_then(|it| u64::try_from(it).map_err(|_| damaged(&name, what)))
        };
        let small = |from, to, what| {
            positive(from, to, what).and_then(|it| u32::try_from(it).map_err(|_| damaged(&name, what)))
        };
        let prefix = if form == Form::Ustar { text(345, 500) } else { Vec::new() };
        let new = form != Form::Old;
        let flag = flag(block[156]);
        let extends =
            matches!(flag, TypeFlag::Extended | TypeFlag::Global | TypeFlag::LongName | TypeFlag::LongLink);
        if extends && !new {
            let rule =
                "it extends another entry and has no magic, without which some readers take it for a file";
            return Err(TarError::ambiguous(&name, rule));
        }
        Ok(Self {
            flag,
            link: text(157, 257),
            mode: u32::try_from(positive(100, 108, "its mode")? & 0o7777).unwrap_or_default(),
            uid: positive(108, 116, "the number of its user")?,
            gid: positive(116, 124, "the number of its group")?,
            size: positive(124, 136, "its size")?,
            mtime: field(136, 148, "its time")?,
            user: if new { text(265, 297) } else { Vec::new() },
            group: if new { text(297, 329) } else { Vec::new() },
            device: (
                if new { small(329, 337, "the number of its device")? } else { 0 },
                if new { small(337, 345, "the number of its device")? } else { 0 },
            ),
            name: if prefix.is_empty() { name } else { [prefix.as_slice(), b"/", &name].concat() },
        })
    }
}

fn damaged(name: &[u8], field: &'static str) -> TarError {
    TarError::Number { name: String::from_utf8_lossy(name).into_owned(), field }
}

/// The form of a header, by its magic and version. Some readers take a prefix under whatever magic.
fn form(block: &[u8; BLOCK]) -> Result<Form, &'static str> {
    let is_blank = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    match &block[257..265] {
        b"ustar\x0000" if is_blank(&block[500..]) => Ok(Form::Ustar),
        b"ustar\x0000" => Err("its header holds something behind the prefix, which star would read"),
        // Times of access and more of GNU's own stand where others have the prefix.
        b"ustar  \0" if is_blank(&block[345..]) || block[156] == b'S' => Ok(Form::Gnu),
        b"ustar  \0" => Err("its header has GNU's magic and something where a prefix stands"),
        magic if magic.starts_with(b"ustar") => Err("its header has a version that there is not"),
        _ if is_blank(&block[257..]) => Ok(Form::Old),
        _ => Err("its header has no magic, and yet the fields behind it"),
    }
}

fn flag(byte: u8) -> TypeFlag {
    match byte {
        b'0' => TypeFlag::File,
        0 => TypeFlag::OldFile,
        b'1' => TypeFlag::Hardlink,
        b'2' => TypeFlag::Symlink,
        b'3' => TypeFlag::Character,
        b'4' => TypeFlag::Block,
        b'5' => TypeFlag::Directory,
        b'6' => TypeFlag::Fifo,
        b'x' => TypeFlag::Extended,
        b'g' => TypeFlag::Global,
        b'L' => TypeFlag::LongName,
        b'K' => TypeFlag::LongLink,
        b'S' => TypeFlag::Sparse,
        _ => TypeFlag::Other,
    }
}

/// The sum of all bytes, the checksum's own as blanks. Sums of signed bytes, which SunOS wrote, are refused by dpkg and by
/// rattler, and so here.
fn check_sum(block: &[u8; BLOCK]) -> Result<(), TarError> {
    let stored = octal(&block[148..156]).ok_or(TarError::Header("its checksum is not a number"))?;
    let blank = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { i64::from(*byte) };
    let sum: i64 = block.iter().enumerate().map(blank).sum();
    if stored == sum { Ok(()) } else { Err(TarError::Header("its checksum is wrong")) }
}

/// What stands before the first NUL.
fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number: octal digits, or GNU's base 256. Nothing where it is neither, or has more than 63 bits.
fn number(field: &[u8]) -> Option<i64> {
    match field.split_first() {
        Some((0x80, rest)) => base_256(rest, 0),
        Some((0xff, rest)) => base_256(rest, -1),
        _ => octal(field),
    }
}

/// Big-endian bytes of a number in two's complement, the first of which was its sign.
fn base_256(bytes: &[u8], sign: i64) -> Option<i64> {
    bytes.iter().try_fold(sign, |number, byte| Some(number.checked_mul(256)? | i64::from(*byte)))
}

/// Octal digits; blanks before them, blanks and NULs behind. A field that is all blanks and NULs is nought.
fn octal(field: &[u8]) -> Option<i64> {
    let is_end = |byte: &u8| matches!(byte, b' ' | 0);
    if field.iter().all(is_end) {
        return Some(0);
    }
    let start = field.iter().position(|byte| *byte != b' ')?;
    let digits = &field[start..];
    let end = digits.iter().position(is_end).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || !rest.iter().all(is_end) {
        return None;
    }
    digits.iter().try_fold(0_i64, |number, digit| match digit {
        b'0'..=b'7' => Some(number.checked_mul(8)? + i64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_of_base_256() {
        for (field, value) in [
            (&b"0000644\0"[..], 0o644),
            (b"000644 \0", 0o644),
            (b"   644 \0", 0o644),
            (b"00000644", 0o644),
            (b"644\0    ", 0o644),
            (b"\0\0\0\0\0\0\0\0", 0),
            (b"        ", 0),
            (b" \0\0\0\0\0\0\0", 0),
            (b"77777777777\0", (1 << 33) - 1),
            (b"777777777777", (1 << 36) - 1),
            (b"\x80\0\0\0\0\0\0\x05", 5),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", i64::MAX),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfb", -5),
            (b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", i64::MIN),
        ] {
            assert_eq!(number(field), Some(value), "{}", field.escape_ascii());
        }
    }

    #[test]
    fn what_readers_forgive_in_numbers_is_refused() {
        for field in [
            &b"+0000005\0"[..],
            b"-0000005\0",
            b"\t000005\0",
            b"\x000005 ",
            b" \x00005 ",
            b"0000005x",
            b"0005\0x\0\0",
            b"0005 5\0\0",
            b"0o00005\0",
            b"0_00005\0",
            b"0000008\0",
            b"\xb2000005\0",
            b"\x81\0\0\0\0\0\0\x05",
            b"\xc0\0\0\0\0\0\0\x05",
            b"\xfe\0\0\0\0\0\0\x05",
            // More than 63 bits.
            b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
            b"\x80\0\x01\0\0\0\0\0\0\0\0\x05",
            b"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(number(field), None, "{}", field.escape_ascii());
        }
    }
}
