//! How much is done for what strangers wrote.

/// The most memory that deriving a key from a password may take, in bytes. cosign's own keys take 64 MiB.
pub(crate) const DERIVING_MEMORY: u64 = 256 << 20;

/// How often that memory may be gone over. cosign's own keys do it once.
pub(crate) const DERIVING_ROUNDS: u32 = 16;

/// The most signatures of one envelope that are tried.
pub(crate) const MOST_SIGNATURES: usize = 16;
