//! What those who offer attestations may ask of us: one place, each limit with its reason.

/// The most bytes of what is offered for one archive. Real ones have 10 kB for each attestation.
pub const OFFER_LIMIT: u64 = 256 << 10;

/// How long a build may ask for attestations in all, in seconds: they are told of a build, and are no part of it.
pub const ASKING_TIME: u64 = 120;

/// The most bytes of all attestations that the provenance of an image keeps: of two of each of a thousand packages.
/// Who reads provenance reads no more than 40 MiB, in which these are written twice over.
pub const MOST_KEPT: usize = 16 << 20;

/// The most attestations of one archive that are looked at.
pub(crate) const MOST_OFFERED: usize = 16;

/// The most entries of logs that one attestation may name. Real ones name one.
pub(crate) const MOST_ENTRIES: usize = 4;

/// The most characters of one thing that is kept of what a certificate says: more than any URL has.
pub(crate) const LONGEST_FACT: usize = 2048;

/// The most bytes of a file of Sigstore's keys. Its own has 7 kB.
pub(crate) const ROOT_LIMIT: u64 = 1 << 20;

/// The most characters that a message shows of what a stranger wrote.
pub(crate) const MOST_SHOWN: usize = 200;
