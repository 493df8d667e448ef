//! Variants: one combination of the matrix on one platform, with every rule already checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use imgbuild_archive::Owner;
use imgbuild_document::{Origin, Requirement, VariableName};
use imgbuild_environment::{Channel, ChannelPriority, EnvironmentName, LockedPackages, PackageName};
use imgbuild_licence::AllowedLicence;
use imgbuild_oci::{ImageName, Platform, Reference, Tag};

use crate::cuda::Cuda;
use crate::language::{Image, Layers, Manager, Profile, PythonFrom, Seconds, Suite};
use crate::pip::Pip;
use crate::values::{
    AbsolutePath, AuthorizedKey, BaseUrl, Component, ContextPath, Contract, CutOff, DebianPackageName,
    ExcludedPart, ExtensionId, Home, Interface, JupyterProfile, Mirror, Mode, PackageReference, PathGlob,
    Prefix, PythonVersion, Reason, RepositoryName, RepositorySuite, Shell, SnapshotMirror, SnapshotTime,
    SourceName, TcpPort, UserName, VersionPattern,
};

/// One image to build: one combination of the matrix, on one platform.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Variant {
    /// The image's name.
    pub name: ImageName,
    /// Its tags: at least one. Variants that share a tag differ in the platform only, and form one index.
    pub tags: Vec<Tag>,
    /// The platform.
    pub platform: Platform,
    /// The matrix keys and their values; empty without a matrix.
    pub keys: BTreeMap<String, String>,
    /// Python, where the spec asks for it by key.
    pub python: Option<Python>,
    /// The CUDA that it is for.
    pub cuda: Option<Cuda>,
    /// What the environment stands on.
    pub base: Base,
    /// In what [`Variant::in_environment`] gives, the further environment that it is about.
    pub environment: Option<EnvironmentName>,
    /// The conda environment, where anything is to be in it.
    pub conda: Option<Conda>,
    /// The wheels, where any are asked for. They go into the environment's Python where it has one, else into a virtual
    /// environment of Debian's.
    pub pip: Option<Pip>,
    /// Further environments. What is said above of Python, conda and wheels is the default one, which is on `PATH`.
    pub environments: Vec<Environment>,
    /// Jupyter, where it starts it.
    pub jupyter: Option<Jupyter>,
    /// The SSH server, where it starts one.
    pub ssh: Option<Ssh>,
    /// What editors are told, where they open it as a dev container.
    pub dev_container: Option<DevContainer>,
    /// The user that it has.
    pub account: Account,
    /// The image's configuration.
    pub image: Image,
    /// What is copied from the spec's folder, in the order of writing.
    pub copy: Vec<CopyRule>,
    /// How the image is cut into layers.
    pub layers: Layers,
    /// The licences that its packages may be under, where not every one is allowed.
    pub licences: Option<Licences>,
    /// What must succeed in the finished image, in order.
    pub checks: Vec<Check>,
    /// The platforms whose demands it must meet, none twice.
    pub conform: Vec<Conform>,
}

/// An environment beside the default one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Environment {
    /// Its name, which no other of the image has: `base` for the one in the prefix itself, and for Debian's Python.
    pub name: EnvironmentName,
    /// Its Python, where the spec asks for it by key.
    pub python: Option<Python>,
    /// The CUDA that it is for: that of the image, whose toolkit is in the default environment.
    pub cuda: Option<Cuda>,
    /// Its conda packages.
    pub conda: Option<Conda>,
    /// Its wheels.
    pub pip: Option<Pip>,
}

impl Variant {
    /// The variant as one of its further environments has it: as if that were the only one.
    #[must_use]
    pub fn in_environment(&self, environment: &Environment) -> Self {
        let Environment { name, python, cuda, conda, pip } = environment.clone();
        Self { environment: Some(name), python, cuda, conda, pip, environments: Vec::new(), ..self.clone() }
    }

    /// The variant as each of its environments has it, the default one first.
    pub fn in_each_environment(&self) -> Vec<Self> {
        let default = Self { environments: Vec::new(), ..self.clone() };
        let others = self.environments.iter().map(|environment| self.in_environment(environment));
        std::iter::once(default).chain(others).collect()
    }
}

/// The user that an image has, where its base has users, and runs as unless the spec says otherwise.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Account {
    /// Its name.
    pub name: UserName,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its home.
    pub home: Home,
    /// Its shell.
    pub shell: Shell,
    /// Whether it may become root by `sudo`.
    pub sudo: bool,
    /// Further groups that it is a member of.
    pub groups: Vec<UserName>,
    /// Whether Python looks for modules that it has installed for itself.
    pub site_packages: bool,
    /// Where it was asked for; nothing for the default, which an existing image does not get.
    pub origin: Option<Origin>,
}

/// Jupyter, by the key `jupyter`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Jupyter {
    /// What is opened.
    pub interface: Interface,
    /// The port that it listens on.
    pub port: TcpPort,
    /// The path that its URLs begin with.
    pub base_url: BaseUrl,
    /// A certificate and its key, in the container.
    pub certificate: Option<(AbsolutePath, AbsolutePath)>,
    /// The platform that starts it.
    pub profile: JupyterProfile,
    /// Where it was asked for.
    pub origin: Origin,
}

/// A dev container, by the key `devcontainer`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DevContainer {
    /// Extensions of VS Code.
    pub extensions: Vec<ExtensionId>,
    /// Ports that are forwarded.
    pub forward_ports: Vec<TcpPort>,
    /// Where it was asked for.
    pub origin: Origin,
}

/// An SSH server, by the key `ssh`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ssh {
    /// The port that it listens on.
    pub port: TcpPort,
    /// The keys that log in.
    pub authorized_keys: Vec<AuthorizedKey>,
    /// Whether an agent may be forwarded.
    pub forward_agent: bool,
    /// Whether X11 may be forwarded.
    pub forward_x11: bool,
    /// Whether files may be transferred.
    pub sftp: bool,
    /// Where it was asked for.
    pub origin: Origin,
}

/// Python, by the key `python`.
#[derive(Debug, Clone)]
pub struct Python {
    /// Its version.
    pub version: PythonVersion,
    /// Where it comes from.
    pub from: PythonFrom,
    /// Where it was asked for.
    pub origin: Origin,
}

/// What an image begins with.
#[derive(Debug, Clone)]
pub enum Base {
    /// Debian, from packages.
    Debian(Box<Debian>),
    /// An image that is there, in a file or folder.
    Layout(Layout),
    /// An image of a registry.
    Image(RegistryImage),
    /// Nothing; the variant has then neither Python nor conda.
    Scratch,
}

/// A Debian base.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Debian {
    /// The release.
    pub suite: Suite,
    /// Packages beyond the default set.
    pub packages: Vec<Requirement>,
    /// What of the packages' files is left out.
    pub profile: Profile,
    /// What else is left out.
    pub exclude: Vec<ExcludedPart>,
    /// What stays all the same.
    pub include: Vec<PathGlob>,
    /// The components of the release that packages are taken from: at least one.
    pub components: Vec<Component>,
    /// Further repositories, by name.
    pub sources: Vec<Repository>,
    /// What of some packages may be taken, by name.
    pub pins: Vec<Pin>,
    /// The mirror; without one, the machine's own.
    pub mirror: Option<Mirror>,
    /// The time at which Debian's own archives are taken, and from where.
    pub snapshot: Option<Snapshot>,
    /// The keys that the mirror's index is signed with; without one, Debian's.
    pub keyring: Option<Keyring>,
    /// Whether dpkg may configure packages in the sandbox, where what their scripts do is not known.
    pub configure: bool,
    /// Whether the image has apt and dpkg.
    pub package_manager: bool,
    /// Where the base was asked for; nothing for the default.
    pub origin: Option<Origin>,
}

/// A further repository of Debian packages.
#[derive(Debug, Clone)]
pub struct Repository {
    /// What it is called.
    pub name: RepositoryName,
    /// Its root.
    pub url: Mirror,
    /// Its suite, or the folder of a flat one.
    pub suite: RepositorySuite,
    /// Its components: none for a flat one, else at least one.
    pub components: Vec<Component>,
    /// The keys that its index is signed with; without one, Debian's.
    pub keyring: Option<Keyring>,
    /// Where it was named.
    pub origin: Origin,
}

/// Debian's own archives at some time.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The time.
    pub time: SnapshotTime,
    /// Who has them.
    pub mirror: SnapshotMirror,
}

/// What of a package may be taken: at least one of the two is said.
#[derive(Debug, Clone)]
pub struct Pin {
    /// The package.
    pub package: DebianPackageName,
    /// Its version, or how that begins.
    pub version: Option<VersionPattern>,
    /// Where it comes from: `debian`, `debian-security`, or one of the further repositories.
    pub source: Option<SourceName>,
    /// Where it was pinned.
    pub origin: Origin,
}

/// An image that is there, as a base.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Layout {
    /// The layout or tarball, beside the spec's: relative to the same folder as the path that the spec was loaded from.
    pub path: PathBuf,
    /// Its path as it is written.
    pub text: String,
    /// Which of its images.
    pub reference: Option<String>,
    /// Where it was named.
    pub origin: Origin,
}

/// An image of a registry.
#[derive(Debug, Clone)]
pub struct RegistryImage {
    /// What it is called.
    pub reference: Reference,
    /// The key that must have signed it.
    pub verify: Option<Keyring>,
    /// Where it was named.
    pub origin: Origin,
}

impl Base {
    /// The key that names an image that somebody else made, and where: nothing for a base of ours.
    pub fn existing(&self) -> Option<(&'static str, &Origin)> {
        match self {
            Self::Layout(layout) => Some(("base.layout", &layout.origin)),
            Self::Image(image) => Some(("base.image", &image.origin)),
            Self::Debian(_) | Self::Scratch => None,
        }
    }
}

/// A file of keys: of OpenPGP for Debian's archives, one in PEM for images.
#[derive(Debug, Clone)]
pub struct Keyring {
    /// Its path, beside the spec's: relative to the same folder as the path that the spec was loaded from.
    pub path: PathBuf,
    /// Where it was named.
    pub origin: Origin,
}

/// A conda environment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Conda {
    /// The channels, the first one first: at least one, none twice.
    pub channels: Vec<Channel>,
    /// Whether neither the spec nor `nodefaults` says that there are no others: conda would look in those of its settings too.
    pub channels_are_open: bool,
    /// What is to be in it. What `python`, `cuda` and `manager` ask for is not repeated here.
    pub packages: CondaPackages,
    /// How the channels' order counts; nothing where the spec does not say it.
    pub channel_priority: Option<ChannelPriority>,
    /// The environment's folder.
    pub prefix: Prefix,
    /// The prefix below whose `envs` that folder is, where it is below one.
    pub root_prefix: Option<Prefix>,
    /// The program to change it with.
    pub manager: Manager,
    /// Where that was asked for.
    pub manager_origin: Option<Origin>,
    /// Whether it has pip wherever it has Python. Locked packages are taken as they are, and where a wheel of pip is asked
    /// for, that is enough.
    pub pip: bool,
    /// The `pip:` part of an environment file that lists neither pip nor Python: pip is among the packages for its sake.
    pub pip_part: Option<Origin>,
    /// Whether it belongs to the image's user; with a manager, always.
    pub writable: bool,
    /// For a channel, as it is written in `channels`, the URLs to fetch it from.
    pub mirrors: BTreeMap<imgbuild_environment::ChannelName, Vec<crate::values::ChannelMirror>>,
    /// The time from which on packages are left out.
    pub exclude_newer: Option<CutOff>,
    /// Packages whose post-link script is run.
    pub allow_post_link: Vec<PackageName>,
    /// Packages whose post-link script may stay without running.
    pub skip_post_link: Vec<PackageName>,
    /// Packages that are installed although they contradict themselves.
    pub accept_damaged: Vec<PackageName>,
    /// Its name: what the spec calls it, or the `name:` of the environment file.
    pub environment_name: Option<EnvironmentName>,
    /// The `name:` of the environment file, where the spec calls it otherwise.
    pub alias: Option<EnvironmentName>,
    /// The `variables:` of the environment file.
    pub variables: BTreeMap<VariableName, String>,
}

impl Conda {
    /// Makes it an environment below the `envs` of a prefix.
    pub(crate) fn stands_below(&mut self, root: &Prefix, name: &EnvironmentName, is_writable: bool) {
        let by_file = self.environment_name.replace(name.clone());
        self.alias = by_file.filter(|it| it != name && !it.is_base());
        self.root_prefix = Some(root.clone());
        self.writable = is_writable;
    }
}

/// What a conda environment is made of.
#[derive(Debug, Clone)]
pub enum CondaPackages {
    /// Requirements that the solver is given: the spec's first, then those of the environment file.
    Requirements(Vec<Requirement>),
    /// Packages that another tool has locked: they are taken as they are.
    Locked(LockedPackages),
}

/// A file or folder that is copied into the image.
#[derive(Debug, Clone)]
pub struct CopyRule {
    /// The file or folder, below the spec's folder.
    pub from: ContextPath,
    /// Its path in the image.
    pub to: AbsolutePath,
    /// Who owns it; without one, root.
    pub owner: Option<Owner>,
    /// The mode of its files.
    pub mode: Option<Mode>,
    /// The mode of its folders.
    pub folder_mode: Option<Mode>,
    /// Where it was asked for.
    pub origin: Origin,
}

/// A platform whose demands the finished image must meet.
#[derive(Debug, Clone)]
pub struct Conform {
    /// The platform.
    pub contract: Contract,
    /// Where it was asked for.
    pub origin: Origin,
}

/// The licences that packages may be under.
#[derive(Debug, Clone)]
pub struct Licences {
    /// The licences.
    pub allow: Vec<AllowedLicence>,
    /// Packages that may be under any.
    pub except: Vec<ExceptedPackage>,
    /// Where they are listed.
    pub origin: Origin,
}

/// A package that may be under any licence.
#[derive(Debug, Clone)]
pub struct ExceptedPackage {
    /// The package, by its name, or by its ecosystem, a slash and its name.
    pub package: PackageReference,
    /// Why.
    pub reason: Reason,
    /// Where that is said.
    pub origin: Origin,
}

/// A command that must succeed in the finished image.
#[derive(Debug, Clone)]
pub struct Check {
    /// The program and its arguments: at least the program.
    pub run: Vec<String>,
    /// A line that it must print.
    pub expect: Option<String>,
    /// How long it may run.
    pub timeout: Seconds,
    /// Where it was asked for.
    pub origin: Origin,
}
