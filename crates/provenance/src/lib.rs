//! Where images come from: SLSA's build provenance, version 1.2, of a variant of a lock.
//!
//! Nobody is asked for anything here: the variables of a CI and the commit of a repository are given. There is no time in it, so that
//! one build says the same twice.

mod attestation;
mod builder;
mod dependencies;
mod facts;
mod predicate;
mod purl;
mod read;
#[cfg(test)]
mod tests;

pub use attestation::Attestation;
pub use builder::{Builder, builder};
pub use facts::{Commit, Facts, SpecFile};
pub use predicate::{BUILD_TYPE, PREDICATE, predicate};
pub use read::{Provenance, ProvenanceError, Publisher};
