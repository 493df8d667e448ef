//! Packages: control files, contents, maintainer scripts, and what becomes of them in a layer.

pub(crate) mod control;
pub(crate) mod copyright;
pub(crate) mod deb;
pub(crate) mod effects;
pub(crate) mod examine;
pub(crate) mod locked_package;
pub(crate) mod path_filter;
pub(crate) mod scripts;
pub(crate) mod stanza;
pub(crate) mod writing;
