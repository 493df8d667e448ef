//! How much a registry may answer, and how much those who keep settings and credentials for it may say.

/// The most bytes of a manifest or a token of a registry: what the distribution specification demands that registries take.
pub(crate) const ANSWER_LIMIT: usize = 4 << 20;

/// The most bytes that are read of why a registry refuses something.
pub(crate) const REFUSAL_LIMIT: usize = 64 << 10;

/// The most bytes that are read of an answer whose content does not matter, so that its connection can be used again.
pub(crate) const DRAINED: usize = 64 << 10;

/// The most pages of a list of tags or referrers.
pub(crate) const MOST_PAGES: usize = 10_000;

/// The most bytes of all pages of such a list.
pub(crate) const LIST_LIMIT: usize = 64 << 20;

/// The most manifests that a list has, with those of the lists in it.
pub(crate) const MOST_MANIFESTS: usize = 1000;

/// How deep lists of lists go.
pub(crate) const DEEPEST: usize = 4;

/// The most manifests of what a tag was that are looked into for what is there already.
pub(crate) const MOST_LOOKED_INTO: usize = 100;

/// The most redirects that lead to what is read.
pub(crate) const MOST_REDIRECTS: usize = 5;

/// How many blobs go up or come down at the same time. Registries reset connections that come in bursts.
pub(crate) const CONNECTIONS: usize = 4;

/// How long the next bytes of an answer may take that is given to whoever speaks to registries by itself,
/// in seconds.
pub(crate) const SILENCE: u64 = 60;

/// How long nothing of a body may be taken before the upload counts as broken, in seconds.
pub(crate) const STALL: u64 = 60;

/// The most bytes of a file of credentials.
pub(crate) const CREDENTIAL_FILE_LIMIT: usize = 4 << 20;

/// The most bytes that a program that keeps credentials may print.
pub(crate) const HELPER_LIMIT: u64 = 1 << 20;

/// The most characters that are told of what a program that keeps credentials says.
pub(crate) const HELPER_SAID_LIMIT: usize = 300;

/// How long a program that keeps credentials may take where no variable says it, in seconds: it may ask servers, or a person.
pub(crate) const HELPER_SECONDS: u64 = 60;

/// The most bytes of a file of settings for registries.
pub(crate) const SETTINGS_FILE_LIMIT: usize = 4 << 20;
