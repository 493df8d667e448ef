//! `[[copy]]`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{AbsolutePath, ContextPath, Mode, OwnerNumbers};

/// A file or folder of the spec's folder, copied into the image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CopyTable {
    /// The file or folder, relative to the spec's folder and inside it: no link on the way may lead out. A link that is
    /// named by itself is copied as a link.
    #[schemars(extend("examples" = ["src"]))]
    pub(crate) from: ContextPath,
    /// Its path in the image.
    #[schemars(extend("examples" = ["/workspace/src"]))]
    pub(crate) to: AbsolutePath,
    /// The numbers of the user and group that own it. The default is root, `0:0`.
    #[schemars(extend("examples" = ["1000:100"]))]
    pub(crate) owner: Option<OwnerNumbers>,
    /// The mode of the files, in octal digits. The default is `0644`, and `0755` for what is executable.
    #[schemars(extend("examples" = ["0644"]))]
    pub(crate) mode: Option<Mode>,
    /// The mode of the folders, in octal digits: `1777` where any user of the image may write. The default is `0755`. Folders that an
    /// existing image has already, and those above `to`, stay as they are.
    #[schemars(extend("examples" = ["1777"]))]
    pub(crate) folder_mode: Option<Mode>,
}
