//! Indexes of wheels: where they are, who may ask them, what they have.

pub(crate) mod credentials;
pub(crate) mod fetch;
pub(crate) mod listing;
pub(crate) mod pip_settings;
pub(crate) mod pytorch;
pub(crate) mod settings;
pub(crate) mod settings_files;
pub(crate) mod urls;
