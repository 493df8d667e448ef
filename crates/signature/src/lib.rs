//! Signatures of images: keys, envelopes (DSSE), statements (in-toto) and bundles (Sigstore), as cosign writes and reads them with
//! a key.
//!
//! Nothing here asks for the time or the network: what is signed twice with one key is the same twice (RFC 6979, RFC 8032), and
//! there is no transparency log.

mod armor;
mod bundle;
mod envelope;
mod error;
mod limits;
mod secretbox;
mod signing_key;
mod simple;
mod statement;
#[cfg(test)]
mod tests;
mod verifying_key;

pub use bundle::{BUNDLE_TYPE, Bundle};
pub use envelope::{Envelope, STATEMENT_TYPE, pre_authentication_encoding};
pub use error::{KeyError, SignatureError};
pub use signing_key::SigningKey;
pub use simple::{SIMPLE_TYPE, SimpleSignature};
pub use statement::{SIGN_PREDICATE, Statement, Subject};
pub use verifying_key::VerifyingKey;
