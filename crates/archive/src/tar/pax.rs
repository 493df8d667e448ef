//! The records of a tar archive's extended headers: POSIX.1-2017, `pax`, "pax Header Block".

use std::collections::BTreeMap;

use crate::TarError;

/// How star, GNU tar, and every writer of layers name extended attributes. libarchive's own records
/// (`LIBARCHIVE.xattr.`), which no engine reads, stand beside these.
const XATTR: &[u8] = b"SCHILY.xattr.";

/// What an extended header says of an entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    pub(crate) path: Option<String>,
    pub(crate) linkpath: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) mtime: Option<i64>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) uname: Option<String>,
    pub(crate) gname: Option<String>,
    /// Extended attributes: they are part of a layer, and of no package.
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

impl Pax {
    /// Parses the records `<length> <key>=<value>\n` of an extended header.
    ///
    /// Readers differ in what they make of a NUL, of a value that is empty (Go keeps the header's own), of a sign before a
    /// number, and of keys that stand twice: each of these is refused.
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, TarError> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or(DAMAGED)?;
            let length: usize = digits(&bytes[..space]).ok_or(DAMAGED)?;
            let record = bytes.get(space + 1..length).ok_or(DAMAGED)?;
            bytes = &bytes[length..];
            let record = record.strip_suffix(b"\n").ok_or(DAMAGED)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(DAMAGED)?;
            pax.put(&record[..equals], &record[equals + 1..])?;
        }
        Ok(pax)
    }

    /// The bytes that its attributes have in all.
    pub(crate) fn xattr_bytes(&self) -> u64 {
        self.xattrs.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum()
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        const TWICE: &str = "an extended header states something twice";
        const NUMBER: TarError = TarError::Header("a number of an extended header is damaged");
        const NUL: TarError = TarError::Header("an extended header has a NUL byte where none may be");
        if key.is_empty() {
            return Err(DAMAGED);
        }
        if key.contains(&0) {
            return Err(NUL);
        }
        let text = || match String::from_utf8(value.to_vec()) {
            Err(_) => Err(TarError::Header("an extended header is not valid UTF-8")),
            Ok(text) if text.is_empty() => {
                Err(TarError::ambiguous("", "an extended header takes a value back"))
            }
            Ok(text) if text.contains('\0') => Err(NUL),
            Ok(text) => Ok(text),
        };
        match key {
            b"path" => put_once(&mut self.path, text()?, TWICE),
            b"linkpath" => put_once(&mut self.linkpath, text()?, TWICE),
            b"size" => {
                put_once(&mut self.size, digits(value).filter(|it| *it <= LARGEST).ok_or(NUMBER)?, TWICE)
            }
            b"uid" => put_once(&mut self.uid, digits(value).ok_or(NUMBER)?, TWICE),
            b"gid" => put_once(&mut self.gid, digits(value).ok_or(NUMBER)?, TWICE),
            b"uname" => put_once(&mut self.uname, text()?, TWICE),
            b"gname" => put_once(&mut self.gname, text()?, TWICE),
            b"mtime" => put_once(&mut self.mtime, seconds(value).ok_or(NUMBER)?, TWICE),
            // GNU tar's, star's and Solaris's ways to say that a body has holes.
            sparse if sparse.starts_with(b"GNU.sparse.") => Err(TarError::ambiguous("", SPARSE)),
            b"SCHILY.realsize" | b"SUN.holesdata" => Err(TarError::ambiguous("", SPARSE)),
            b"hdrcharset" => Err(TarError::ambiguous("", "its names are not in UTF-8")),
            xattr if xattr.starts_with(XATTR) => {
                let name = String::from_utf8(xattr[XATTR.len()..].to_vec())
                    .map_err(|_| TarError::Header("an extended header is not valid UTF-8"))?;
                if name.is_empty() {
                    return Err(DAMAGED);
                }
                match self.xattrs.insert(name, value.to_vec()) {
                    None => Ok(()),
                    Some(_) => Err(TarError::ambiguous("", TWICE)),
                }
            }
            // Times of access, comments, access lists: none of them is part of an image.
            _ => Ok(()),
        }
    }
}

const DAMAGED: TarError = TarError::Header("an extended header is damaged");
const SPARSE: &str = "it holds a sparse file";
/// Sizes are signed numbers of 64 bits for most readers.
const LARGEST: u64 = i64::MAX as u64;

/// A decimal number without sign, blanks or anything else.
fn digits<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The whole seconds of a time. Times may have fractions; a file's time in an image has none.
fn seconds(text: &[u8]) -> Option<i64> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let end = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let (whole, fraction) = text.split_at(end);
    if !fraction.iter().skip(1).all(u8::is_ascii_digit) {
        return None;
    }
    let whole: i64 = digits(whole)?;
    Some(if negative { -whole } else { whole })
}

/// Takes what may be stated once only.
pub(crate) fn put_once<T>(place: &mut Option<T>, value: T, rule: &'static str) -> Result<(), TarError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TarError::ambiguous("", rule)),
    }
}
