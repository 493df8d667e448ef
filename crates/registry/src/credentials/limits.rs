//! How large what others keep of credentials may be, and how long it may take to have it.

use std::time::Duration;

/// The most bytes of a file of credentials.
pub(crate) const FILE_LIMIT: usize = 4 << 20;
/// The most bytes that a program that keeps credentials may print.
pub(crate) const HELPER_LIMIT: u64 = 1 << 20;
/// The most characters of its words that are told.
pub(crate) const SAID_LIMIT: usize = 300;
/// How long such a program may take. It may ask servers, or a person.
pub(crate) const HELPER_PATIENCE: Duration = Duration::from_secs(60);
