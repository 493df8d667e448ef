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
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, TarError> {
        const DAMAGED: TarError = TarError::Header("an extended header is damaged");
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or(DAMAGED)?;
            let digits = std::str::from_utf8(&bytes[..space]).map_err(|_| DAMAGED)?;
            let length: usize = digits.parse().map_err(|_| DAMAGED)?;
            let record = bytes.get(space + 1..length).ok_or(DAMAGED)?;
            bytes = &bytes[length..];
            let record = record.strip_suffix(b"\n").ok_or(DAMAGED)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(DAMAGED)?;
            pax.put(&record[..equals], &record[equals + 1..])?;
        }
        Ok(pax)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        const TWICE: &str = "an extended header states something twice";
        const TEXT: TarError = TarError::Header("an extended header is not valid UTF-8");
        let text = || String::from_utf8(value.to_vec()).map_err(|_| TEXT);
        fn number<T: std::str::FromStr>(text: &str) -> Result<T, TarError> {
            text.parse().map_err(|_| TarError::Header("a number of an extended header is damaged"))
        }
        match key {
            b"path" => put_once(&mut self.path, text()?, TWICE),
            b"linkpath" => put_once(&mut self.linkpath, text()?, TWICE),
            b"size" => put_once(&mut self.size, number(&text()?)?, TWICE),
            b"uid" => put_once(&mut self.uid, number(&text()?)?, TWICE),
            b"gid" => put_once(&mut self.gid, number(&text()?)?, TWICE),
            b"uname" => put_once(&mut self.uname, text()?, TWICE),
            b"gname" => put_once(&mut self.gname, text()?, TWICE),
            // Times may have fractions; a file's time in an image has none.
            b"mtime" => {
                let text = text()?;
                put_once(&mut self.mtime, number(text.split('.').next().unwrap_or(&text))?, TWICE)
            }
            sparse if sparse.starts_with(b"GNU.sparse.") => {
                Err(TarError::ambiguous("", "it holds a sparse file"))
            }
            b"hdrcharset" => Err(TarError::ambiguous("", "its names are not in UTF-8")),
            xattr if xattr.starts_with(XATTR) => {
                let name = String::from_utf8(xattr[XATTR.len()..].to_vec()).map_err(|_| TEXT)?;
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

/// Takes what may be stated once only.
pub(crate) fn put_once<T>(place: &mut Option<T>, value: T, rule: &'static str) -> Result<(), TarError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TarError::ambiguous("", rule)),
    }
}
