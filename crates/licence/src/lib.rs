//! Licences of packages: what their words mean as SPDX expressions, and which of them are allowed.
//!
//! What packages say is read by the SPDX licence list, by the ways of writing that ecosystems define themselves, and by nothing
//! else: what could mean several licences stays what it is, a name.

mod allowed;
mod licence;
mod names;
mod terms;

pub use allowed::{AllowedLicence, AllowedLicences, NotALicence, Objection};
pub use licence::{CustomLicence, Licence};

/// The version of the SPDX licence list that identifiers are of.
pub fn list_version() -> &'static str {
    spdx::license_version()
}
