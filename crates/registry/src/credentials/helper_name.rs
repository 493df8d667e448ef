//! Which program keeps the credentials of a registry, and who says so.

use imgbuild_oci::RegistryHost;

/// A program that keeps the credentials of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperName {
    /// Its name.
    pub(crate) program: String,
    /// The file or the variable that names it.
    pub(crate) of: String,
    /// The key there.
    pub(crate) setting: &'static str,
    /// For whom.
    pub(crate) host: RegistryHost,
}

impl HelperName {
    /// A program by the part of its name that files have; nothing where that leads elsewhere or can be no name.
    pub(crate) fn new(name: &str, setting: &'static str, of: &str, host: &RegistryHost) -> Option<Self> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&it);
        let program = format!("docker-credential-{name}");
        let named = || Self { program, of: of.to_owned(), setting, host: host.clone() };
        name.chars().all(is_plain).then(named)
    }
}
