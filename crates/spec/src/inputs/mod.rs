//! What a lock depends on.
//!
//! Every type of a variant is taken apart here with all its fields named: a key that somebody adds to the language does not
//! compile until it is said here whether locking depends on it.

mod pip;

use imgbuild_environment::{ChannelPriority, LockedArchive, LockedBuild, LockedList, PackageName};
use imgbuild_oci::{Digest, Platform};
use serde::Serialize;

use self::pip::{PipInputs, pip_inputs};
use crate::cuda::Cuda;
use crate::language::{Budget, Layers, Manager, Profile, PythonFrom, Suite};
use crate::values::{
    Capability, Component, CudaVersion, CutOff, DebianPackageName, Driver, ExcludedPart, LayerSize, PathGlob,
    Prefix, PythonVersion, RepositoryName, RepositorySuite, SnapshotTime, SourceName, Toolkit,
    VersionPattern,
};
use crate::variant::{
    Base, Conda, CondaPackages, Debian, Environment, Keyring, Layout, Pin, Python, RegistryImage, Repository,
    Snapshot, Variant,
};

/// The form of what is digested: raised when its meaning changes, which makes every lock stale.
const FORM: u32 = 2;

/// The parts of a variant that locking reads, in one fixed order.
#[derive(Serialize)]
struct Inputs<'a> {
    form: u32,
    platform: Platform,
    python: Option<(&'a PythonVersion, PythonFrom)>,
    cuda: Option<CudaInputs<'a>>,
    debian: Option<DebianInputs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<(&'a str, Option<&'a str>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    conda: Option<CondaInputs<'a>>,
    /// Only where wheels are asked for, so that no other lock depends on what is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pip: Option<PipInputs>,
    /// Only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<EnvironmentInputs<'a>>,
    budget: Budget,
    /// Only where packages are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_layer: Option<LayerSize>,
    bytecode: bool,
}

#[derive(Serialize)]
struct EnvironmentInputs<'a> {
    name: String,
    python: Option<(&'a PythonVersion, PythonFrom)>,
    conda: Option<CondaInputs<'a>>,
    pip: Option<PipInputs>,
}

#[derive(Serialize)]
struct CudaInputs<'a> {
    version: &'a CudaVersion,
    toolkit: Toolkit,
    driver: &'a Driver,
    arch: &'a [Capability],
    compat: bool,
}

#[derive(Serialize)]
struct DebianInputs<'a> {
    suite: Suite,
    packages: Vec<String>,
    keyring: Option<&'a str>,
    profile: Profile,
    exclude: &'a [ExcludedPart],
    include: &'a [PathGlob],
    components: &'a [Component],
    sources: Vec<RepositoryInputs<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pins: Vec<PinInputs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'a SnapshotTime>,
    /// Only where it is forbidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    configure: Option<bool>,
    /// Only where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_manager: Option<bool>,
}

#[derive(Serialize)]
struct RepositoryInputs<'a> {
    name: &'a RepositoryName,
    url: String,
    suite: &'a RepositorySuite,
    components: &'a [Component],
    keyring: Option<&'a str>,
}

/// The package, its version, and its source.
type PinInputs<'a> = (&'a DebianPackageName, Option<&'a VersionPattern>, Option<&'a SourceName>);

#[derive(Serialize)]
struct CondaInputs<'a> {
    channels: Vec<String>,
    channel_priority: ChannelPriority,
    requirements: Vec<String>,
    explicit: Vec<(String, Option<String>)>,
    /// Only where packages are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pip: Option<bool>,
    prefix: &'a Prefix,
    /// Only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    root_prefix: Option<&'a Prefix>,
    manager: Manager,
    exclude_newer: Option<CutOff>,
    #[serde(skip_serializing_if = "<[PackageName]>::is_empty")]
    allow_post_link: &'a [PackageName],
    skip_post_link: &'a [PackageName],
    #[serde(skip_serializing_if = "<[PackageName]>::is_empty")]
    accept_damaged: &'a [PackageName],
}

fn repository_inputs(repository: &Repository) -> RepositoryInputs<'_> {
    let Repository { name, url, suite, components, keyring, origin: _ } = repository;
    RepositoryInputs {
        name,
        url: url.to_string().trim_end_matches('/').to_owned(),
        suite,
        components,
        keyring: keyring.as_ref().map(keyring_text),
    }
}

/// A keyring as it is written.
fn keyring_text(keyring: &Keyring) -> &str {
    let Keyring { path: _, origin } = keyring;
    origin.text()
}

fn pin_inputs(pin: &Pin) -> PinInputs<'_> {
    let Pin { package, version, source, origin: _ } = pin;
    (package, version.as_ref(), source.as_ref())
}

fn snapshot_time(snapshot: &Snapshot) -> &SnapshotTime {
    let Snapshot { time, mirror: _ } = snapshot;
    time
}

fn python_inputs(python: &Python) -> (&PythonVersion, PythonFrom) {
    let Python { version, from, origin: _ } = python;
    (version, *from)
}

fn cuda_inputs(cuda: &Cuda) -> CudaInputs<'_> {
    let Cuda {
        version,
        toolkit,
        driver,
        arch,
        compat,
        toolkit_origin: _,
        visible_devices: _,
        duplicates: _,
        origin: _,
    } = cuda;
    CudaInputs { version, toolkit: *toolkit, driver, arch, compat: *compat }
}

fn environment_inputs(environment: &Environment) -> EnvironmentInputs<'_> {
    // `cuda` is the variant's.
    let Environment { name, python, cuda: _, conda, pip } = environment;
    EnvironmentInputs {
        name: name.to_string(),
        python: python.as_ref().map(python_inputs),
        conda: conda.as_ref().map(conda_inputs),
        pip: pip.as_ref().map(pip_inputs),
    }
}

/// A value of one of the types above, as bytes.
fn bytes(inputs: &impl Serialize) -> Vec<u8> {
    // Every such type serialises to JSON, so that this cannot fail. Were it to, the empty text would differ from every lock's,
    // and make it stale.
    serde_json::to_vec(inputs).unwrap_or_default()
}

impl Variant {
    /// The digest of all that locking depends on: when it differs from the lock's, the lock is stale.
    ///
    /// It covers the platform; `python`; the version, toolkit, driver, `arch` and `compat` of `cuda`; the base's release, packages, profile, `exclude` and `include`,
    /// components, sources, pins, the time of a snapshot, keyrings, layout and image (as they are written), `configure` and
    /// `package-manager`; conda's channels and packages in
    /// their order, priority, prefix, manager, `pip`, `exclude-newer`, `allow-post-link`, `skip-post-link` and
    /// `accept-damaged`; the same of further environments, and their names; the requirements, constraints, indexes, links, `allow-builds` and `torch-backend` of pip, the text
    /// of a `pylock.toml`, and the packages that a lock of conda packages lists; the layers'
    /// budget, `max-layer` and bytecode. It does not cover what a lock does not hold: name, tags and matrix keys, `jupyter`, `ssh` and `devcontainer` beyond
    /// the packages that they ask for, `[user]`, `[image]`,
    /// `[[copy]]`, `[[check]]`, `conform`, `[licenses]`, `visible-devices` and `duplicates` of `cuda`, the compression, `writable`, the environment file's name and variables, and the mirrors, which only
    /// say where the same packages are fetched from. Nor does it cover what only locking looks at: the contents of a
    /// project, wheel or repository that a requirement names, and the values of variables. What is
    /// secret in URLs never counts. How the files are formatted never counts.
    pub fn inputs(&self) -> Digest {
        let Self {
            platform,
            python,
            cuda,
            base,
            conda,
            pip,
            environment: _,
            environments,
            layers,
            name,
            tags,
            keys,
            jupyter,
            ssh,
            dev_container,
            account,
            image,
            copy,
            checks,
            conform,
            licences,
        } = self;
        // What they ask for stands among the packages.
        let _no_input =
            (name, tags, keys, jupyter, ssh, dev_container, account, image, copy, checks, conform, licences);
        let (debian, layout, image) = match base {
            Base::Debian(debian) => (Some(debian_inputs(debian)), None, None),
            Base::Layout(layout) => (None, Some(layout_inputs(layout)), None),
            Base::Image(image) => (None, None, Some(image_inputs(image))),
            Base::Scratch => (None, None, None),
        };
        let Layers { budget, max_layer, bytecode, compression: _ } = layers;
        Digest::of(bytes(&Inputs {
            form: FORM,
            platform: *platform,
            python: python.as_ref().map(python_inputs),
            cuda: cuda.as_ref().map(cuda_inputs),
            debian,
            layout,
            image,
            conda: conda.as_ref().map(conda_inputs),
            pip: pip.as_ref().map(pip_inputs),
            environments: environments.iter().map(environment_inputs).collect(),
            budget: *budget,
            max_layer: *max_layer,
            bytecode: bytecode.makes_bytecode(),
        }))
    }
}

impl Debian {
    /// All that locking a base depends on, mirrors and secrets among it: of two variants of one platform that have the same, one
    /// is locked for both.
    pub fn identity(&self) -> Digest {
        let Self {
            mirror,
            snapshot,
            keyring,
            sources,
            suite: _,
            packages: _,
            profile: _,
            exclude: _,
            include: _,
            components: _,
            pins: _,
            configure: _,
            package_manager: _,
            origin: _,
        } = self;
        let path = |keyring: &Keyring| keyring.path.as_os_str().as_encoded_bytes().to_vec();
        let url =
            |source: &Repository| (source.url.secret().whole().to_owned(), source.keyring.as_ref().map(path));
        Digest::of(bytes(&(
            debian_inputs(self),
            mirror.as_ref().map(|mirror| mirror.secret().whole().to_owned()),
            snapshot.as_ref().map(|it| it.mirror.root("", &it.time).whole().to_owned()),
            keyring.as_ref().map(path),
            sources.iter().map(url).collect::<Vec<_>>(),
        )))
    }
}

fn debian_inputs(debian: &Debian) -> DebianInputs<'_> {
    let Debian {
        suite,
        packages,
        profile,
        exclude,
        include,
        components,
        sources,
        pins,
        mirror: _,
        snapshot,
        keyring,
        configure,
        package_manager,
        origin: _,
    } = debian;
    DebianInputs {
        suite: *suite,
        packages: packages.iter().map(|package| package.text.public()).collect(),
        keyring: keyring.as_ref().map(keyring_text),
        profile: *profile,
        exclude,
        include,
        components,
        sources: sources.iter().map(repository_inputs).collect(),
        pins: pins.iter().map(pin_inputs).collect(),
        snapshot: snapshot.as_ref().map(snapshot_time),
        configure: (!configure).then_some(false),
        package_manager: (!package_manager).then_some(false),
    }
}

fn layout_inputs(layout: &Layout) -> (&str, Option<&str>) {
    let Layout { path: _, text, reference, origin: _ } = layout;
    (text, reference.as_deref())
}

fn image_inputs(image: &RegistryImage) -> String {
    let RegistryImage { reference, verify, origin: _ } = image;
    match verify {
        Some(key) => format!("{reference} verified by {}", keyring_text(key)),
        None => reference.to_string(),
    }
}

fn conda_inputs(conda: &Conda) -> CondaInputs<'_> {
    let Conda {
        channels,
        packages,
        channel_priority,
        prefix,
        root_prefix,
        manager,
        pip,
        exclude_newer,
        allow_post_link,
        skip_post_link,
        accept_damaged,
        channels_are_open: _,
        manager_origin: _,
        pip_part: _,
        writable: _,
        mirrors: _,
        environment_name: _,
        alias: _,
        variables: _,
    } = conda;
    let (requirements, explicit) = match packages {
        CondaPackages::Requirements(requirements) => {
            (requirements.iter().map(|requirement| requirement.text.public()).collect(), Vec::new())
        }
        CondaPackages::Locked(locked) => (Vec::new(), explicit(&locked.packages)),
    };
    CondaInputs {
        channels: channels.iter().map(|channel| channel.name.to_string()).collect(),
        channel_priority: channel_priority.unwrap_or_default(),
        requirements,
        pip: matches!(packages, CondaPackages::Requirements(_)).then_some(*pip),
        explicit,
        prefix,
        root_prefix: root_prefix.as_ref(),
        manager: *manager,
        exclude_newer: *exclude_newer,
        allow_post_link,
        skip_post_link,
        accept_damaged,
    }
}

/// Locked packages: where each is and its hash, or what is to be found on the channels.
fn explicit(packages: &LockedList) -> Vec<(String, Option<String>)> {
    let archive = |archive: &LockedArchive| {
        let LockedArchive { sha256, md5, .. } = archive;
        (archive.url.to_string(), sha256.map(|it| it.to_string()).or(md5.map(|it| it.to_string())))
    };
    let build = |build: &LockedBuild| {
        let LockedBuild { channel, name, version, build } = build;
        (format!("{}::{name}={version}={build}", channel.as_deref().unwrap_or_default()), None)
    };
    match packages {
        LockedList::Archives(archives) => archives.iter().map(archive).collect(),
        LockedList::Builds(builds) => builds.iter().map(build).collect(),
    }
}
