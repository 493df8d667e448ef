//! `[base]`.

use std::collections::BTreeMap;

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{
    Component, DebianPackageName, ExcludedPart, Mirror, PathGlob, RegistryReference, RepositoryName,
    RepositorySuite, SnapshotMirror, SnapshotTime, SourceName, VersionPattern,
};

/// A word, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum BaseKey {
    Short(BaseWord),
    Table(Box<BaseTable>),
}

impl BaseKey {
    /// The release that is asked for, or the default one; none where the base is no Debian of imgbuild's making.
    pub(crate) fn suite(&self) -> Option<Suite> {
        match self {
            Self::Short(BaseWord::Bookworm) => Some(Suite::Bookworm),
            Self::Short(BaseWord::Trixie) => Some(Suite::Trixie),
            Self::Short(BaseWord::Scratch) => None,
            Self::Table(table) => match (&table.debian, &table.layout, &table.image, &table.scratch) {
                (Some(suite), ..) => Some(suite.value),
                (None, None, None, None) => Some(Suite::default()),
                _ => None,
            },
        }
    }
}

/// A base without settings.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum BaseWord {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
    /// Nothing at all.
    Scratch,
}

/// The base: Debian, put together from signed packages, an existing image, or nothing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct BaseTable {
    /// The Debian release.
    #[schemars(extend("examples" = ["bookworm"]), extend("default" = Suite::default().as_str()))]
    pub(crate) debian: Option<Located<Suite>>,
    /// Nothing but what is copied in. It excludes all other keys of the table, and conda and Python as well.
    #[schemars(extend("examples" = [true]), extend("default" = false))]
    pub(crate) scratch: Option<Located<bool>>,
    /// Debian packages beyond the default set, by name.
    #[schemars(extend("examples" = [["git", "tmux"]]), extend("default" = []))]
    pub(crate) packages: Option<Located<Vec<Located<DebianPackageName>>>>,
    /// What of the packages' files is left out. dpkg inside the image keeps to it as well.
    #[schemars(extend("examples" = ["full"]), extend("default" = "slim"))]
    pub(crate) profile: Option<Located<Profile>>,
    /// What else is left out: `documentation`, `locales`, or paths by a glob, whose `*` stands for slashes as well.
    ///
    /// Packages' copyright files stay, whatever is left out.
    #[schemars(extend("examples" = [["/usr/share/icons/*"]]), extend("default" = []))]
    pub(crate) exclude: Option<Located<Vec<Located<ExcludedPart>>>>,
    /// What stays although the profile or `exclude` names it: paths by a glob.
    #[schemars(extend("examples" = [["/usr/share/locale/de/*"]]), extend("default" = []))]
    pub(crate) include: Option<Located<Vec<Located<PathGlob>>>>,
    /// The components of the release that packages are taken from.
    #[schemars(extend("examples" = [["main", "contrib", "non-free"]]), extend("default" = ["main"]))]
    pub(crate) components: Option<Located<Vec<Located<Component>>>>,
    /// Further signed repositories, each by a name of your own: a vendor's, a company's, Debian's backports.
    ///
    /// apt inside the image knows them as well. A package is taken in its newest version, wherever that comes from;
    /// but a repository that says of itself that it is not to be used unasked (`NotAutomatic`, as backports do), comes
    /// after all others.
    #[serde(default)]
    #[schemars(extend("examples" = [sources_example()]), extend("default" = {}))]
    pub(crate) sources: BTreeMap<RepositoryName, Located<RepositoryTable>>,
    /// Packages of which only one version, or what one source has, is taken, by name: a version, whose end may be
    /// `*`, or a table.
    ///
    /// A pin that nothing meets is an error, and so is one of a package that the image does not have.
    #[serde(default)]
    #[schemars(extend("examples" = [pin_example()]), extend("default" = {}))]
    pub(crate) pin: BTreeMap<DebianPackageName, Located<PinKey>>,
    /// The mirror that the packages come from. The default is the one that the machine's own apt uses.
    #[schemars(extend("examples" = ["https://mirror.example/debian"]))]
    pub(crate) mirror: Option<Located<Mirror>>,
    /// The release as it was at some time, from a mirror that keeps what others have no more. In its URL `{archive}`
    /// stands for `debian` or `debian-security`, and `{time}` for the time. No such mirror is built in.
    #[schemars(extend("examples" = [snapshot_example()]))]
    pub(crate) snapshot: Option<Located<SnapshotTable>>,
    /// A file of keys that the mirror's index is signed with, relative to the spec's folder. The default is
    /// Debian's own archive keys.
    #[schemars(extend("examples" = ["keys/archive.asc"]))]
    pub(crate) keyring: Option<Located<String>>,
    /// Whether dpkg may configure packages in the sandbox, off the network, where imgbuild does not know what their
    /// maintainer scripts do. `false` makes such packages an error that names them. Those of the default set, and what
    /// imgbuild's own keys add, need none of it.
    #[schemars(extend("examples" = [false]), extend("default" = true))]
    pub(crate) configure: Option<Located<bool>>,
    /// Whether the image has apt and dpkg. Without them it is smaller; scanners then find its packages in
    /// `/var/lib/dpkg/status.d`.
    #[schemars(extend("examples" = [false]), extend("default" = true))]
    pub(crate) package_manager: Option<Located<bool>>,
    /// An existing image: an OCI layout (a folder or a tarball), or a tarball of `docker save`, relative to the spec's
    /// folder. It excludes all keys that are about Debian packages.
    #[schemars(extend("examples" = ["base.tar"]))]
    pub(crate) layout: Option<Located<LayoutKey>>,
    /// An existing image of a registry, by its tag or digest: `latest` where neither is named, and Docker's registry where no
    /// other is. What a tag means is found out while locking, and stays until `imgbuild lock --upgrade`. It excludes all
    /// keys that are about Debian packages, and `layout`.
    #[schemars(extend("examples" = ["registry.example/team/base:1"]))]
    pub(crate) image: Option<Located<RegistryReference>>,
    /// A file of the public key that must have signed `image`, relative to the spec's folder, as `cosign sign --key` or `imgbuild sign`
    /// do. It is checked while locking: the lock holds the digest.
    #[schemars(extend("examples" = ["keys/platform.pub"]))]
    pub(crate) verify: Option<Located<String>>,
}

/// A path, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum LayoutKey {
    Short(String),
    Table(LayoutTable),
}

/// An existing image: where it is, and which one it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct LayoutTable {
    /// The layout or tarball, relative to the spec's folder.
    #[schemars(extend("examples" = ["base.tar"]))]
    pub(crate) path: String,
    /// Which image of the layout: its name, its tag, or its digest, as the layout has it. It is needed where there are
    /// several; an image for several platforms is one.
    #[schemars(extend("examples" = ["docker.io/library/debian:12"]))]
    pub(crate) reference: Option<String>,
}

fn sources_example() -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
    let table =
        [("url", "https://packages.example/debian"), ("suite", "stable"), ("keyring", "keys/tools.asc")];
    BTreeMap::from([("tools", table.into())])
}

fn snapshot_example() -> BTreeMap<&'static str, &'static str> {
    let mirror = "https://snapshot.example/archive/{archive}/{time}";
    BTreeMap::from([("time", "20240501T000000Z"), ("mirror", mirror)])
}

/// A time, and who has what there was then.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SnapshotTable {
    /// The time, in UTC.
    pub(crate) time: SnapshotTime,
    /// The URL of an archive's root. `{archive}` stands for `debian` or `debian-security`, and `{time}` for the time.
    /// It must be given: no mirror is built in.
    pub(crate) mirror: Option<SnapshotMirror>,
}

fn pin_example() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("git", "1:2.39.*")])
}

/// A version, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum PinKey {
    Short(VersionPattern),
    Table(PinTable),
}

/// Which of a package's versions may be taken: a version, a source, or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PinTable {
    /// Its version, or the beginning of it and `*`.
    pub(crate) version: Option<VersionPattern>,
    /// Where it comes from: `debian` (with its updates), `debian-security`, or a name of `[base.sources]`.
    pub(crate) source: Option<Located<SourceName>>,
}

/// A repository of Debian packages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RepositoryTable {
    /// Its root: the folder that holds `dists` and `pool`, or, of a flat repository, the packages.
    pub(crate) url: Mirror,
    /// Its suite. That of a flat repository, which has no `dists`, ends with a slash: `./`.
    pub(crate) suite: Located<RepositorySuite>,
    /// Its components: `main` where nothing is said. A flat repository has none.
    pub(crate) components: Option<Located<Vec<Located<Component>>>>,
    /// A file of keys that its index is signed with, relative to the spec's folder. The default is Debian's own
    /// archive keys.
    pub(crate) keyring: Option<Located<String>>,
}

/// How much of the packages an image has.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Profile {
    /// Without documentation and translations.
    #[default]
    Slim,
    /// With all that the packages hold.
    Full,
}

/// A release of Debian.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Suite {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    #[default]
    Trixie,
}

impl Suite {
    /// All that images are made of, the oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// Debian's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The version of its glibc.
    pub const fn glibc(self) -> &'static str {
        match self {
            Self::Bookworm => "2.36",
            Self::Trixie => "2.41",
        }
    }

    /// The version of its Python: a release has one.
    pub const fn python(self) -> &'static str {
        match self {
            Self::Bookworm => "3.11",
            Self::Trixie => "3.13",
        }
    }

    /// The key of a spec that asks for its Python.
    pub(crate) fn python_key(self) -> String {
        format!("python = {{ version = \"{}\", from = \"debian\" }}", self.python())
    }

    /// The release whose Python is of this version, the default one first.
    pub fn with_python(version: &str) -> Option<Self> {
        let mut all = std::iter::once(Self::default()).chain(Self::ALL);
        all.find(|suite| suite.python() == version)
    }
}

/// What to do where a base is lacking.
pub(crate) fn build_on_debian() -> String {
    format!("build on Debian: `base = \"{}\"`, which is the default", Suite::default().as_str())
}
