//! A file that describes devices, as its specification has it. What later versions add is passed over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) cdi_version: String,
    /// For example `nvidia.com/gpu`.
    pub(crate) kind: String,
    pub(crate) devices: Vec<Device>,
    /// What any device of the file needs.
    #[serde(default)]
    pub(crate) container_edits: Edits,
    /// What later versions have, and nothing here depends on.
    #[serde(flatten)]
    _more: BTreeMap<String, IgnoredAny>,
}

/// A device that can be asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) container_edits: Edits,
    /// What later versions have, and nothing here depends on.
    #[serde(flatten)]
    _more: BTreeMap<String, IgnoredAny>,
}

/// What a container needs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edits {
    #[serde(default)]
    pub(crate) env: Vec<String>,
    #[serde(default)]
    pub(crate) device_nodes: Vec<DeviceNode>,
    #[serde(default)]
    pub(crate) mounts: Vec<Mount>,
    #[serde(default)]
    pub(crate) hooks: Vec<Hook>,
    /// What is named here and not known, such as `intelRdt`, `additionalGids` and `netDevices`.
    #[serde(flatten)]
    pub(crate) more: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceNode {
    pub(crate) path: String,
    pub(crate) host_path: Option<String>,
    pub(crate) permissions: Option<String>,
    /// What later versions have, and nothing here depends on.
    #[serde(flatten)]
    _more: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mount {
    pub(crate) host_path: String,
    pub(crate) container_path: String,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) options: Vec<String>,
    /// What later versions have, and nothing here depends on.
    #[serde(flatten)]
    _more: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hook {
    pub(crate) hook_name: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// What later versions have, and nothing here depends on.
    #[serde(flatten)]
    _more: BTreeMap<String, IgnoredAny>,
}
