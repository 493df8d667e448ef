//! What a conda package may ask of us: one place, each limit with its reason.

/// The most members of a `.conda`: it has three. A directory of millions is an attack on our memory.
pub const MOST_MEMBERS: u64 = 16;
/// The most bytes of `metadata.json` of a `.conda`: real ones have some dozens.
pub const CONTAINER_METADATA_LIMIT: u64 = 64 << 10;
/// The most bytes that the packed metadata of a `.conda` may have, which is held in memory: the largest have a few megabytes.
pub const PACKED_INFO_LIMIT: u64 = 64 << 20;
/// The most bytes that a package's metadata may unpack to. Only single files of it are held in memory.
pub const INFO_LIMIT: u64 = 512 << 20;
/// The most bytes of one file of a package's metadata: a `paths.json` of as many paths as may be has less.
pub const INFO_FILE_LIMIT: u64 = 64 << 20;
/// The most bytes that the texts of a package's licences may have together, which are held in memory. What a program of Rust is made of has
/// some megabytes of them.
pub const LICENCES_LIMIT: u64 = 16 << 20;
/// The most paths of one conda package. The largest real ones have some fifty thousand.
pub const MOST_PATHS: usize = 1 << 18;
/// The most bytes that the activation scripts of one package may have together, which are held in memory.
pub const SCRIPT_LIMIT: u64 = 4 << 20;

/// How many times its own size the files of a package may have, as it declares them: no real archive of more than some megabytes
/// compresses better, and what does is made to fill disks.
pub const MOST_RATIO: u64 = 1000;
/// How many times its own size a `.tar.bz2` may unpack to before its metadata, and one whose files declare no sizes.
pub const MOST_RATIO_UNDECLARED: u64 = 100;
/// How many bytes every package may unpack to beyond that: a small file of zeros is no attack.
pub const ALWAYS_ALLOWED: u64 = 64 << 20;
/// The most bytes of a `.tar.bz2` that are kept between reading its metadata and its files; of one whose metadata stands further back the
/// beginning is unpacked twice.
pub(crate) const MOST_KEPT: usize = 16 << 20;
/// How many bytes each path may take in the tar beside its content: headers and padding.
pub const ROOM_OF_PATH: u64 = 8 << 10;

/// The least bytes of a placeholder. Builders make long ones on purpose; one of a byte or two stands everywhere.
pub const LEAST_PLACEHOLDER: usize = 4;
/// How many bytes the files of one package may grow by when the prefix is put into them. Only a prefix that is longer than
/// the placeholder makes any grow: two hundred bytes in a hundred thousand places have a third of this.
pub const MOST_GROWTH: u64 = 64 << 20;
/// How many bytes of hard links may become files of their own. In real packages these are single programs.
pub const MOST_COPIED: u64 = 256 << 20;
/// How many bytes of an archive may be read again to find what its hard links lead to, beside four times the whole.
pub const MOST_READ_AGAIN: u64 = 1 << 30;

/// The most bytes of one requirement of a conda package, of a channel's record or of a spec.
pub const REQUIREMENT_LIMIT: usize = 16 << 10;
/// How deep parentheses may stand in each other in one requirement. Readers call themselves for each, and have no stack without
/// end.
pub const MOST_PARENTHESES: usize = 64;
