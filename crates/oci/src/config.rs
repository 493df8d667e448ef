//! The image configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{DiffId, Timestamp};

/// The image configuration: what the engine needs to run the image, and how its root file system came to be.
///
/// Follows `config.md` of the image specification. Fields of foreign images that are not listed here are left out when
/// such a configuration is read; so are the `null`s that Go writes for empty lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When the image was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Go's `GOARCH`.
    pub architecture: String,
    /// Go's `GOOS`.
    pub os: String,
    /// The variant of the processor, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// How a container of this image is started.
    #[serde(default, deserialize_with = "null_is_default")]
    pub config: ContainerConfig,
    /// The layers, uncompressed.
    pub rootfs: RootFs,
    /// How each layer came to be, from the first to the last.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
}

/// How a container of the image is started: the `config` of the image configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// The user, and the group behind a colon, by name or number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Ports such as `8888/tcp`.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// Environment variables, as `NAME=value`.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The command that always runs.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The arguments of the entrypoint, or the command where there is none; a user's own take their place.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Folders whose content is the user's.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Empty>,
    /// The folder that the command starts in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that ends the container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// How it is found out whether the container works: docker's, which it honours in images of OCI as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

/// How it is found out whether a container works (docker's image specification v1.2). Times are in nanoseconds; 0 is an engine's
/// default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `CMD` and a program with its arguments, `CMD-SHELL` and a line, or `NONE`.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// The time between two of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// How long one may take.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// How long the container may take to start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// The time between two of them while it starts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// How many must fail in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// `{}`: Go's way to write a set is a map to this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// The layers, uncompressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: RootFsKind,
    /// The digests of the layers' uncompressed tars, from the first to the last.
    #[serde(deserialize_with = "null_is_default")]
    pub diff_ids: Vec<DiffId>,
}

/// The one kind of root file system that the specification has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootFsKind {
    /// A root file system of layers.
    #[default]
    Layers,
}

/// How one layer came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// By which command.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// What is in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Whether this item changed the configuration only and so has no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// Go writes empty lists and maps as `null`.
pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, canonical};

    #[test]
    fn a_configuration_has_one_form() {
        let config = ImageConfig {
            created: Some(Timestamp::from_seconds(1).unwrap()),
            architecture: "arm64".into(),
            os: "linux".into(),
            variant: Some("v8".into()),
            config: ContainerConfig {
                user: "1000:100".into(),
                exposed_ports: [("8888/tcp".to_owned(), Empty {})].into(),
                env: vec!["PATH=/bin".into()],
                entrypoint: vec!["tini".into()],
                cmd: vec!["sh".into()],
                volumes: [("/data".to_owned(), Empty {})].into(),
                working_dir: "/work".into(),
                labels: [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into(),
                stop_signal: "SIGTERM".into(),
                healthcheck: None,
            },
            rootfs: RootFs { kind: RootFsKind::Layers, diff_ids: vec![DiffId(Digest::of("x"))] },
            history: vec![History {
                created_by: "imgbuild".into(),
                comment: "numpy".into(),
                ..History::default()
            }],
        };
        let bytes = canonical::to_vec(&config).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes.clone()).unwrap(), @r#"{"architecture":"arm64","config":{"Cmd":["sh"],"Entrypoint":["tini"],"Env":["PATH=/bin"],"ExposedPorts":{"8888/tcp":{}},"Labels":{"a":"1","b":"2"},"StopSignal":"SIGTERM","User":"1000:100","Volumes":{"/data":{}},"WorkingDir":"/work"},"created":"1970-01-01T00:00:01Z","history":[{"comment":"numpy","created_by":"imgbuild"}],"os":"linux","rootfs":{"diff_ids":["sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"],"type":"layers"},"variant":"v8"}"#);
        assert_eq!(serde_json::from_slice::<ImageConfig>(&bytes).unwrap(), config);
    }

    #[test]
    fn foreign_configurations_may_hold_nulls_and_more_fields() {
        let text = r#"{"architecture":"amd64","os":"linux","os.features":[],"container":"x","docker_version":"20.10",
            "config":{"Hostname":"","Env":null,"Cmd":null,"Volumes":null,"Labels":null,"OnBuild":null,"Tty":false},
            "rootfs":{"type":"layers","diff_ids":null},"history":null,"created":"2024-01-01T00:00:00.5Z"}"#;
        let config: ImageConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.config, ContainerConfig::default());
        assert_eq!(config.created.unwrap().to_string(), "2024-01-01T00:00:00.5Z");
    }
}
