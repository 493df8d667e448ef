//! What a lock depends on.

use oci::{Digest, Platform};
use serde::Serialize;

use crate::environment::{LockedArchive, LockedBuild, LockedList};
use crate::language::{Budget, ChannelPriority, Manager, Profile, PythonFrom, Suite};
use crate::pip::{
    AllowBuilds, FindLinks, ListedPackage, Pip, PipPackages, PipRequirement, RequirementSource,
};
use crate::values::{
    Component, CudaVersion, CutOff, DebianPackageName, ExcludedPart, PackageName, PathGlob, Prefix,
    ProjectName, PythonVersion, RepositoryName, RepositorySuite, SnapshotTime, SourceName, VersionPattern,
};
use crate::variant::{Base, CondaPackages, Repository, Variant};

/// The form of what is digested: raised when its meaning changes, which makes every lock stale.
const FORM: u32 = 2;

/// The parts of a variant that locking reads, in one fixed order.
#[derive(Serialize)]
struct Inputs<'a> {
    form: u32,
    platform: Platform,
    python: Option<(&'a PythonVersion, PythonFrom)>,
    cuda: Option<&'a CudaVersion>,
    debian: Option<DebianInputs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<(&'a str, Option<&'a str>)>,
    conda: Option<CondaInputs<'a>>,
    /// Only where wheels are asked for, so that no other lock depends on what is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pip: Option<PipInputs>,
    budget: Budget,
    bytecode: bool,
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
    manager: Manager,
    exclude_newer: Option<CutOff>,
    #[serde(skip_serializing_if = "<[PackageName]>::is_empty")]
    allow_post_link: &'a [PackageName],
    skip_post_link: &'a [PackageName],
    #[serde(skip_serializing_if = "<[PackageName]>::is_empty")]
    accept_damaged: &'a [PackageName],
}

#[derive(Serialize)]
struct PipInputs {
    requirements: Vec<RequirementInputs>,
    /// The digest of a `pylock.toml`.
    pylock: Option<Digest>,
    /// Where each listed package is, and the hash of its file.
    wheels: Vec<(String, Option<String>)>,
    constraints: Vec<String>,
    index_url: Option<String>,
    extra_index_urls: Vec<String>,
    /// Only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    find_links: Vec<String>,
    /// Only where it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_index: Option<bool>,
    prereleases: bool,
    require_hashes: bool,
    /// Nothing for everything.
    allow_builds: Option<Vec<ProjectName>>,
}

#[derive(Serialize)]
struct RequirementInputs {
    text: String,
    editable: bool,
    hashes: Vec<Digest>,
}

fn repository_inputs(repository: &Repository) -> RepositoryInputs<'_> {
    RepositoryInputs {
        name: &repository.name,
        url: repository.url.to_string().trim_end_matches('/').to_owned(),
        suite: &repository.suite,
        components: &repository.components,
        keyring: repository.keyring.as_ref().map(|keyring| keyring.origin.text()),
    }
}

impl Variant {
    /// The digest of all that locking depends on: when it differs from the lock's, the lock is stale.
    ///
    /// It covers the platform; `python` and `cuda`; the base's release, packages, profile, `exclude` and `include`,
    /// components, sources, pins, the time of a snapshot, keyrings and layout (as they are written), `configure` and
    /// `package-manager`; conda's channels and packages in
    /// their order, priority, prefix, manager, `pip`, `exclude-newer`, `allow-post-link`, `skip-post-link` and
    /// `accept-damaged`; the requirements, constraints, indexes, links and `allow-builds` of pip, the text
    /// of a `pylock.toml`, and the packages that a lock of conda packages lists; the layers'
    /// budget and bytecode. It does not cover what a lock does not hold: name, tags and matrix keys, `[image]`,
    /// `[[copy]]`, the compression, `writable`, the environment file's name and variables, and the mirrors, which only
    /// say where the same packages are fetched from. Nor does it cover what only locking looks at: the contents of a
    /// project, wheel or repository that a requirement names, and the values of variables. What is
    /// secret in URLs never counts. How the files are formatted never counts.
    pub fn inputs(&self) -> Digest {
        let inputs = Inputs {
            form: FORM,
            platform: self.platform,
            python: self.python.as_ref().map(|python| (&python.version, python.from)),
            cuda: self.cuda.as_ref().map(|cuda| &cuda.version),
            debian: self.debian_inputs(),
            layout: self.layout_inputs(),
            conda: self.conda_inputs(),
            pip: self.pip.as_ref().map(pip_inputs),
            budget: self.layers.budget,
            bytecode: self.layers.bytecode.makes_bytecode(),
        };
        let mut bytes = Vec::new();
        // Every type above serialises to JSON, and a vector takes every byte: this cannot fail. Were it to, the empty
        // input would differ from every lock's, which makes the lock stale: the safe side.
        if serde_json::to_writer(&mut bytes, &inputs).is_err() {
            bytes.clear();
        }
        Digest::of(bytes)
    }

    fn debian_inputs(&self) -> Option<DebianInputs<'_>> {
        let Base::Debian(debian) = &self.base else { return None };
        let pins = debian.pins.iter().map(|pin| (&pin.package, pin.version.as_ref(), pin.source.as_ref()));
        Some(DebianInputs {
            suite: debian.suite,
            packages: debian.packages.iter().map(|package| package.text.public()).collect(),
            keyring: debian.keyring.as_ref().map(|keyring| keyring.origin.text()),
            profile: debian.profile,
            exclude: &debian.exclude,
            include: &debian.include,
            components: &debian.components,
            sources: debian.sources.iter().map(repository_inputs).collect(),
            pins: pins.collect(),
            snapshot: debian.snapshot.as_ref().map(|snapshot| &snapshot.time),
            configure: (!debian.configure).then_some(false),
            package_manager: (!debian.package_manager).then_some(false),
        })
    }

    fn layout_inputs(&self) -> Option<(&str, Option<&str>)> {
        let Base::Layout(layout) = &self.base else { return None };
        Some((&layout.text, layout.reference.as_deref()))
    }

    fn conda_inputs(&self) -> Option<CondaInputs<'_>> {
        let conda = self.conda.as_ref()?;
        let (requirements, explicit) = match &conda.packages {
            CondaPackages::Requirements(requirements) => {
                (requirements.iter().map(|requirement| requirement.text.public()).collect(), Vec::new())
            }
            CondaPackages::Locked(locked) => (Vec::new(), explicit(&locked.packages)),
        };
        Some(CondaInputs {
            channels: conda.channels.iter().map(|channel| channel.name.to_string()).collect(),
            channel_priority: conda.channel_priority.unwrap_or_default(),
            requirements,
            pip: matches!(conda.packages, CondaPackages::Requirements(_)).then_some(conda.pip),
            explicit,
            prefix: &conda.prefix,
            manager: conda.manager,
            exclude_newer: conda.exclude_newer,
            allow_post_link: &conda.allow_post_link,
            skip_post_link: &conda.skip_post_link,
            accept_damaged: &conda.accept_damaged,
        })
    }
}

fn pip_inputs(pip: &Pip) -> PipInputs {
    let mut inputs = PipInputs {
        requirements: Vec::new(),
        pylock: None,
        wheels: Vec::new(),
        constraints: pip.constraints.iter().map(ToString::to_string).collect(),
        index_url: pip.index_url.as_ref().map(ToString::to_string),
        extra_index_urls: pip.extra_index_urls.iter().map(ToString::to_string).collect(),
        find_links: pip.find_links.iter().map(FindLinks::shown).collect(),
        no_index: pip.no_index.then_some(true),
        prereleases: pip.prereleases,
        require_hashes: pip.require_hashes,
        allow_builds: match &pip.allow_builds {
            AllowBuilds::None => Some(Vec::new()),
            AllowBuilds::Named(names) => Some(names.clone()),
            AllowBuilds::All => None,
        },
    };
    match &pip.packages {
        PipPackages::Requirements(requirements) => {
            inputs.requirements = requirements.iter().map(requirement_inputs).collect();
        }
        PipPackages::Pylock(file) => inputs.pylock = Some(Digest::of(secret::public(&file.text))),
        PipPackages::Listed(listed) => inputs.wheels = listed.packages.iter().map(listed_inputs).collect(),
    }
    inputs
}

/// A package of another tool's lock.
fn listed_inputs(package: &ListedPackage) -> (String, Option<String>) {
    let place = match &package.source {
        RequirementSource::Index => String::new(),
        RequirementSource::Url(url) => url.to_string(),
        RequirementSource::Git { url, revision, subdirectory } => {
            format!("git+{url}@{}#{}", plain(revision), plain(subdirectory))
        }
        RequirementSource::Path { path, .. } => path.display().to_string(),
    };
    let md5 = package.md5.map(|md5| md5.to_string());
    (place, package.sha256.map(|sha256| sha256.to_string()).or(md5))
}

fn plain(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn requirement_inputs(requirement: &PipRequirement) -> RequirementInputs {
    RequirementInputs {
        text: requirement.to_string(),
        editable: matches!(requirement.source, RequirementSource::Path { editable: true, .. }),
        hashes: requirement.hashes.clone(),
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
