//! Requirements as Python's tools write them: dependency specifiers with their versions and markers (PEP 508), the lines that
//! pip takes beyond them, and the files that these stand in.

mod conda_build;
mod fault;
mod find_links;
mod limits;
mod lines;
mod marker;
mod mistake;
mod nearly;
mod options;
mod project;
mod pylock;
mod requirement;
mod requirements_file;
mod source;
mod specifier;

pub use find_links::FindLinks;
pub use lines::unset;
pub use marker::{Comparison, Condition, Marker, MarkerOperator, MarkerValue, MarkerVariable};
pub use mistake::RequirementMistake;
pub use project::{PipUrl, ProjectName};
pub use pylock::{ProjectParts, PylockFile, is_pylock, is_uv_lock};
pub use requirement::{ListedRequirement, relative};
pub use requirements_file::{Kind, Lines, Listing, Reader};
pub use source::{PipRequirement, RequirementSource, SOURCES};
pub use specifier::{DependencySpecifier, VersionsOrUrl};
