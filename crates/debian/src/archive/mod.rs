//! Archives of packages: signed indexes, mirrors, and what is fetched from them.

pub(crate) mod archives;
pub(crate) mod fetch;
pub(crate) mod index;
pub(crate) mod index_error;
pub(crate) mod index_request;
pub(crate) mod keyring;
pub(crate) mod mirror;
pub(crate) mod release;
pub(crate) mod suite;
