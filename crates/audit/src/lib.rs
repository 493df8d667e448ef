//! What an image's packages are held against: advisories that a user has, and the licences that a spec allows.
//!
//! Nothing is asked of a network. Advisories are files of OSV's form (<https://ossf.github.io/osv-schema/>) and of Debian's security
//! tracker (`data/json`): one, a folder of them, or a zip as OSV publishes it. Only what is of one of the image's packages is kept of them.

mod advisory;
mod apk_version;
mod audit;
mod finding;
mod licences;
mod limits;
mod policy;
mod severity;
mod subject;
mod version;

pub use advisory::AdvisoryError;
pub use audit::audit;
pub use finding::{Cure, Finding, Report};
pub use licences::LicenceFinding;
pub use policy::{Judgement, NotAllowed};
pub use severity::{Severity, UnknownSeverity};
