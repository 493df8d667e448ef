//! Which packages a base has.

pub(crate) mod dependencies;
pub(crate) mod locking;
pub(crate) mod locking_error;
pub(crate) mod packages;
pub(crate) mod parting;
pub(crate) mod pin;
pub(crate) mod relation;
pub(crate) mod resolve;
pub(crate) mod slim;
pub(crate) mod strata;
pub(crate) mod version;
