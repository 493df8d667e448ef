//! `ssh`.

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{AuthorizedKey, TcpPort};

/// Whether there is one, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum SshKey {
    Short(bool),
    Table(Box<SshTable>),
}

/// OpenSSH's server: the image starts it as whoever it runs as, and prints its host keys and how to log in.
///
/// Only keys log in, and root does not. They are those of `authorized-keys`, of `SSH_AUTHORIZED_KEYS` and `PUBLIC_KEY`, and of the
/// mounted file `/etc/ssh/authorized_keys`; without any the server does not start. Host keys are made at the first start, in the
/// folder `IMGBUILD_HOSTKEYS`, which a volume can keep. Sessions have the variables that the container was started with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SshTable {
    /// The port. One below 1024 needs root.
    #[schemars(with = "Option<TcpPort>", extend("examples" = [2022]), extend("default" = 2222))]
    pub(crate) port: Option<Located<TcpPort>>,
    /// Public keys that log in, as `~/.ssh/authorized_keys` has them, with options such as `from=` and `command=`.
    #[schemars(with = "Option<Vec<AuthorizedKey>>", extend("examples" = [[key_example()]]), extend("default" = []))]
    pub(crate) authorized_keys: Option<Located<Vec<Located<AuthorizedKey>>>>,
    /// Whether an agent may be forwarded.
    #[serde(default)]
    #[schemars(extend("examples" = [true]))]
    pub(crate) forward_agent: bool,
    /// Whether X11 may be forwarded.
    #[serde(default)]
    #[schemars(extend("examples" = [true]))]
    pub(crate) forward_x11: bool,
    /// Whether the server has the subsystem by which sftp and scp work. Without it files still go through a shell, as by rsync.
    #[schemars(with = "Option<bool>", extend("examples" = [false]), extend("default" = true))]
    pub(crate) sftp: Option<bool>,
}

fn key_example() -> &'static str {
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk37YtvcaiaTm67TPe/o+SUFFTDsLh+A/dqFIkD2bCN ada@example"
}
