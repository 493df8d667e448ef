//! The head of a `.pyc` file (PEP 552), and where it stands (PEP 3147).

use layer::ImagePath;

/// How many bytes the head has.
pub(crate) const HEAD: usize = 16;

/// What the head of a `.pyc` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PycHead {
    magic: [u8; 4],
    flags: u32,
    mtime: u32,
    size: u32,
}

impl PycHead {
    pub(crate) fn parse(bytes: &[u8; HEAD]) -> Self {
        let field = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let number = |at| u32::from_le_bytes(field(at));
        Self { magic: field(0), flags: number(4), mtime: number(8), size: number(12) }
    }

    /// Whether an interpreter with this magic number takes the file for a source with this time and size.
    ///
    /// A file that is checked by a hash of its source counts as stale: it is made anew rather than hashed.
    pub(crate) fn is_valid(&self, magic: [u8; 4], source_mtime: i64, source_size: u64) -> bool {
        // Both fields are the low 32 bits, by the import system's own words.
        #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
        let (mtime, size) = (source_mtime as u32, source_size as u32);
        match self.flags {
            0 => self.magic == magic && (self.mtime, self.size) == (mtime, size),
            // Hash-based and unchecked.
            1 => self.magic == magic,
            _ => false,
        }
    }
}

/// Where the bytecode of a source stands: `__pycache__/NAME.TAG.pyc` beside it.
pub(crate) fn pyc_path(source: &ImagePath, tag: &str) -> Option<ImagePath> {
    let name = source.file_name().strip_suffix(".py")?;
    let cached = format!("__pycache__/{name}.{tag}.pyc");
    match source.parent() {
        Some(folder) => folder.join(&cached).ok(),
        None => ImagePath::new(&cached).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_stands_beside_its_source() {
        let path = |text| ImagePath::new(text).unwrap();
        assert_eq!(pyc_path(&path("a/b.py"), "cpython-311"), Some(path("a/__pycache__/b.cpython-311.pyc")));
        assert_eq!(pyc_path(&path("a/b.pyi"), "cpython-311"), None);
    }

    #[test]
    fn a_head_is_valid_for_one_time_and_size() {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(b"\xa7\x0d\x0d\x0a");
        bytes[8..12].copy_from_slice(&1_600_000_000_u32.to_le_bytes());
        bytes[12..].copy_from_slice(&42_u32.to_le_bytes());
        let head = PycHead::parse(&bytes);
        let magic = *b"\xa7\x0d\x0d\x0a";
        assert!(head.is_valid(magic, 1_600_000_000, 42));
        assert!(!head.is_valid(magic, 1_600_000_001, 42));
        assert!(!head.is_valid(magic, 1_600_000_000, 43));
        assert!(!head.is_valid(*b"\x61\x0d\x0d\x0a", 1_600_000_000, 42));
    }
}
