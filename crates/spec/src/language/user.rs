//! `[user]`.

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{Home, Shell, UserName, UserNumber};

/// The user that the image has and runs as.
///
/// Its home, and an environment that may be written, belong to it and to group 0, which has the same rights: so the user works in
/// any group, and any user works in group 0. It is a member of the group `root`, which gives it no other right.
///
/// An existing image keeps its own users, and gets this one where the table is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct UserTable {
    /// Its name.
    #[schemars(with = "Option<UserName>", extend("examples" = ["jovyan"]), extend("default" = "user"))]
    pub(crate) name: Option<Located<UserName>>,
    /// Its number. Mounted folders are its own where they belong to this number.
    #[schemars(with = "Option<UserNumber>", extend("examples" = [1000]), extend("default" = 1000))]
    pub(crate) uid: Option<Located<UserNumber>>,
    /// The number of its group. Where the base has no such group, one is made with the user's name.
    #[schemars(with = "Option<UserNumber>", extend("examples" = [100]), extend("default" = 100))]
    pub(crate) gid: Option<Located<UserNumber>>,
    /// Its home. Platforms put a volume there, so that nothing of the image is in it. The default is `/home` with its name.
    #[schemars(with = "Option<Shell>", extend("examples" = ["/home/jovyan"]))]
    pub(crate) home: Option<Located<Home>>,
    /// Its shell.
    #[schemars(with = "Option<Shell>", extend("examples" = ["/bin/sh"]), extend("default" = "/bin/bash"))]
    pub(crate) shell: Option<Located<Shell>>,
    /// Whether it may become root without a password, by `sudo`. Platforms that forbid new privileges do not let it.
    #[schemars(with = "Option<bool>", extend("examples" = [true]), extend("default" = false))]
    pub(crate) sudo: Option<Located<bool>>,
    /// Further groups that it is a member of. The base must have them.
    #[schemars(with = "Option<Vec<UserName>>", extend("examples" = [["video"]]), extend("default" = []))]
    pub(crate) groups: Option<Located<Vec<Located<UserName>>>>,
    /// Whether Python looks for modules that the user has installed for itself, by `pip install --user`. They are in a folder
    /// of this image's own below its home, so that those of another image are never seen.
    #[schemars(with = "Option<bool>", extend("examples" = [false]), extend("default" = true))]
    pub(crate) site_packages: Option<Located<bool>>,
}
