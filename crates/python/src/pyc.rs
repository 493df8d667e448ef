//! The head of a `.pyc` file (PEP 552): whether it is taken for a source.

/// How many bytes the head has.
pub(crate) const HEAD: usize = 16;

/// The bit that says that the head holds a hash of the source, and not its time and size.
const HASHED: u32 = 1;
/// The bit that says that the hash is compared with the source whenever that is imported.
const CHECKED: u32 = 2;

/// What is known of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Its time, in seconds since 1970.
    pub(crate) mtime: i64,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its hash, see [`source_hash`]; nothing where it was not read.
    pub(crate) hash: Option<u64>,
}

impl Stamp {
    /// Whether time and size are what an interpreter will see, on any file system and by any engine: some of these know no
    /// time before 1970, and none at all behind 2106.
    pub(crate) fn is_reliable(&self) -> bool {
        u32::try_from(self.mtime).is_ok()
    }
}

/// What the head of a `.pyc` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PycHead {
    magic: [u8; 4],
    flags: u32,
    /// Time and size of the source, or its hash.
    source: [u8; 8],
}

impl PycHead {
    pub(crate) fn parse(bytes: &[u8; HEAD]) -> Self {
        let [m0, m1, m2, m3, f0, f1, f2, f3, source @ ..] = *bytes;
        Self { magic: [m0, m1, m2, m3], flags: u32::from_le_bytes([f0, f1, f2, f3]), source }
    }

    /// The head of what is compiled: Python takes it for a source of this time and size alone. Where these cannot be relied
    /// upon, it compares the hash.
    pub(crate) fn new(magic: [u8; 4], stamp: &Stamp) -> Self {
        match stamp.hash.filter(|_| !stamp.is_reliable()) {
            Some(hash) => Self { magic, flags: HASHED | CHECKED, source: hash.to_le_bytes() },
            None => Self { magic, flags: 0, source: time_and_size(stamp) },
        }
    }

    pub(crate) fn bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&self.magic);
        bytes[4..8].copy_from_slice(&self.flags.to_le_bytes());
        bytes[8..].copy_from_slice(&self.source);
        bytes
    }

    /// Whether an interpreter with this magic number takes the file for a source, and for nothing but this source.
    ///
    /// One that is hash-based and unchecked never is: it would hide every later change of its source.
    pub(crate) fn is_valid(&self, magic: [u8; 4], stamp: &Stamp) -> bool {
        let fits = match self.flags {
            0 => self.source == time_and_size(stamp),
            flags if flags == HASHED | CHECKED => {
                stamp.hash.is_some_and(|hash| self.source == hash.to_le_bytes())
            }
            _ => false,
        };
        self.magic == magic && fits
    }
}

/// The low 32 bits of each, by the import system's own words.
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
fn time_and_size(stamp: &Stamp) -> [u8; 8] {
    let (mtime, size) = ((stamp.mtime as u32).to_le_bytes(), (stamp.size as u32).to_le_bytes());
    [mtime[0], mtime[1], mtime[2], mtime[3], size[0], size[1], size[2], size[3]]
}

/// The hash by which bytecode knows its source (`_imp.source_hash`): SipHash with the magic number as its key. From 3.11 on
/// CPython takes SipHash-1-3, and SipHash-2-4 (`long`) before.
pub(crate) fn source_hash(magic: [u8; 4], long: bool, source: &[u8]) -> u64 {
    let (rounds, last) = if long { (2, 4) } else { (1, 3) };
    let key = u64::from(u32::from_le_bytes(magic));
    let mut state = [
        key ^ 0x736f_6d65_7073_6575,
        0x646f_7261_6e64_6f6d,
        key ^ 0x6c79_6765_6e65_7261,
        0x7465_6462_7974_6573,
    ];
    let mut words = source.chunks_exact(8);
    for word in &mut words {
        let word = word.try_into().map(u64::from_le_bytes).unwrap_or_default();
        absorb(&mut state, word, rounds);
    }
    let mut end = [0; 8];
    end[..words.remainder().len()].copy_from_slice(words.remainder());
    // The last byte is the length, modulo 256.
    end[7] = source.len().to_le_bytes()[0];
    absorb(&mut state, u64::from_le_bytes(end), rounds);
    state[2] ^= 0xff;
    (0..last).for_each(|_| mix(&mut state));
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn absorb(state: &mut [u64; 4], word: u64, rounds: usize) {
    state[3] ^= word;
    (0..rounds).for_each(|_| mix(state));
    state[0] ^= word;
}

fn mix([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: [u8; 4] = *b"\xa7\x0d\x0d\x0a";
    const STAMP: Stamp = Stamp { mtime: 1_600_000_000, size: 42, hash: Some(7) };

    #[test]
    fn a_head_is_valid_for_one_source() {
        let head = PycHead::new(MAGIC, &STAMP);
        assert_eq!(PycHead::parse(&head.bytes()), head);
        assert!(head.is_valid(MAGIC, &STAMP));
        assert!(!head.is_valid(MAGIC, &Stamp { mtime: 1_600_000_001, ..STAMP }));
        assert!(!head.is_valid(MAGIC, &Stamp { size: 43, ..STAMP }));
        assert!(!head.is_valid(*b"\x61\x0d\x0d\x0a", &STAMP));
    }

    #[test]
    fn times_that_engines_and_file_systems_bend_give_way_to_the_hash() {
        for mtime in [-1, i64::MIN, 1 << 32, i64::MAX] {
            let stamp = Stamp { mtime, ..STAMP };
            let head = PycHead::new(MAGIC, &stamp);
            assert_eq!(head.flags, 3, "{mtime}");
            // What time the file gets does not matter then.
            assert!(head.is_valid(MAGIC, &Stamp { mtime: 0, ..stamp }), "{mtime}");
            assert!(!head.is_valid(MAGIC, &Stamp { hash: Some(8), ..stamp }), "{mtime}");
        }
        for mtime in [0, 1, (1 << 32) - 1] {
            assert_eq!(PycHead::new(MAGIC, &Stamp { mtime, ..STAMP }).flags, 0, "{mtime}");
        }
    }

    #[test]
    fn what_hides_changes_is_never_valid() {
        let head = |flags| PycHead { magic: MAGIC, flags, source: 7_u64.to_le_bytes() };
        assert!(head(3).is_valid(MAGIC, &STAMP));
        for flags in [1, 2, 4, 5, 7, u32::MAX] {
            assert!(!head(flags).is_valid(MAGIC, &STAMP), "{flags}");
        }
        assert!(!head(3).is_valid(MAGIC, &Stamp { hash: None, ..STAMP }));
    }

    /// By `_imp.source_hash` of CPython 3.11.7 and 3.9.18.
    #[test]
    fn sources_are_hashed_as_by_the_interpreter() {
        assert_eq!(source_hash(MAGIC, false, b""), 0x737f_e8d5_d59c_8d73);
        assert_eq!(source_hash(MAGIC, false, b"x = 1\n"), 0x5252_f793_aa72_034c);
        assert_eq!(source_hash(MAGIC, false, &[b'a'; 300]), 0x74a6_3378_ce92_a66e);
        assert_eq!(source_hash(*b"\x61\x0d\x0d\x0a", true, b"x = 1\n"), 0xfadf_0fe5_a965_d6f1);
    }
}
