//! Who published an archive: attestations of wheels and source distributions (PEP 740), and of conda packages (CEP 27, as CEP 50 has
//! channels serve them).
//!
//! Both are Sigstore's: signed with a certificate for minutes, which names who signs, and noted in a log that anybody can read. They
//! are checked by Sigstore's own library, without asking anybody: the keys are those of a [`TrustRoot`]. What the library does not
//! know of is checked here: that it is about this archive and says that it was published, and that its certificate is of whom
//! the index says.

mod archive;
mod filename;
mod limits;
mod offered;
mod publisher;
mod refusal;
mod root;
mod statement;
#[cfg(test)]
mod tests;
mod verifier;

pub use archive::Archive;
pub use limits::{ASKING_TIME, MOST_KEPT, OFFER_LIMIT};
pub use offered::{Kind, Offered, of_conda, of_wheel};
pub use refusal::Refusal;
pub use root::{RootError, TrustRoot};
pub use verifier::{Verified, Verifier};
