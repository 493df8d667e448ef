//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use imgbuild_distribution::PushTarget;
use imgbuild_oci::{Platform, RegistryHost};
use imgbuild_spec::{Size, SizeError};

use crate::choice_arguments::{MatrixArguments, ShardArgument, key_value, shard};
use crate::export_arguments::ExportArguments;
use crate::inspect_arguments::{
    CatArguments, CatalogArguments, DiffArguments, ExtractArguments, InspectArguments, LsArguments,
    ReportArguments, SizeArguments, TreeArguments, WhyArguments,
};
use crate::judging_arguments::{AuditArguments, ConformArguments, LicencesArguments, SbomArguments};
use crate::keys::KeyPlace;
use crate::lock_arguments::{LockArguments, OutdatedArguments};
use crate::registry_arguments::{
    CacheRules, CopyArguments, IndexCommand, PullArguments, PushArguments, PushRules, RegistryCommand,
    TagRules, TagsArguments,
};
use crate::trust_arguments::{ProvenanceArgument, SignArguments, VerifyArguments};

/// Builds container images of conda and Python environments from a declarative spec, without a daemon.
#[derive(Debug, Parser)]
#[command(
    name = "imgbuild",
    version,
    after_help = "`imgbuild --version --verbose` says more, for reports of faults.",
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Say nothing but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first spec, from nothing or from what another tool has.
    Init(InitArguments),
    /// Build the images of a spec; the lock is made where it is missing or stale.
    Build(BuildArguments),
    /// Solve a spec and write its lock beside it.
    Lock(LockArguments),
    /// Tell what `lock --upgrade` would move: bases, and packages of Debian, conda and PyPI. Exits with 3 where it is anything.
    Outdated(OutdatedArguments),
    /// Validate a spec, and print its variants and the layers that its lock plans.
    Check(CheckArguments),
    /// List the images of a spec as jobs for a CI, each with the arguments that build it.
    Matrix(MatrixArguments),
    /// Write the packages of a lock as another tool's file.
    Export(ExportArguments),
    /// Push what was built, or an image in a file, to registries: only what they lack.
    Push(PushArguments),
    /// Get an image from a registry: to run it, or into a file.
    Pull(PullArguments),
    /// Sign an image of a registry, as cosign does with a key.
    Sign(SignArguments),
    /// Check who has signed an image of a registry, and that it is what it says; with `--rebuild`, that its lock makes it, bit for bit.
    Verify(VerifyArguments),
    /// Copy an image from one repository to others, with all that it lists.
    Copy(CopyArguments),
    /// List the tags of a repository.
    Tags(TagsArguments),
    /// Make an image for several platforms out of images in a registry.
    #[command(subcommand)]
    Index(IndexCommand),
    /// Look at registries.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Run an image, rootless and without a container engine; nothing stays behind.
    Run(RunArguments),
    /// Tell what is in an image: packages, layers, environments, how it starts.
    Inspect(InspectArguments),
    /// Tell how two images or two locks differ, and what a pull of the second one costs. Exits with 1 where they do.
    Diff(DiffArguments),
    /// Tell why a package is there: what was asked for, and what leads from that to it; or whose a file is.
    Why(WhyArguments),
    /// Show the packages of a spec or an image as a tree of what requires what.
    Tree(TreeArguments),
    /// Tell what each package costs, with what only it brings, and what of an image may not be needed.
    Size(SizeArguments),
    /// Write a page that shows an image, or two side by side: one file of HTML, which needs no network.
    Report(ReportArguments),
    /// Write a page that lists images.
    Catalog(CatalogArguments),
    /// List a folder of an image.
    Ls(LsArguments),
    /// Print a file of an image.
    Cat(CatArguments),
    /// Copy a file or folder out of an image.
    Extract(ExtractArguments),
    /// Write what an image or a spec is made of as a bill of materials: CycloneDX or SPDX.
    Sbom(SbomArguments),
    /// Hold the packages of an image or a spec against advisories that you have, and tell which upgrade cures what.
    Audit(AuditArguments),
    /// List the licences of an image's packages. Of a spec that says which are allowed, it fails where a package is under another.
    Licenses(LicencesArguments),
    /// Tell whether platforms will run an image, demand by demand.
    Conform(ConformArguments),
    /// Tell what this machine can and cannot, and what to do about it. Exits with 1 where something is not fine that builds need.
    Doctor(DoctorArguments),
    /// Log in to a registry, and keep the password where docker and podman find it.
    Login(LoginArguments),
    /// Log out of a registry: forget the password that is kept for it.
    Logout {
        /// The registry, with its port where it has one of its own.
        #[arg(value_name = "HOST[:PORT]")]
        host: RegistryHost,
    },
    /// Print the JSON schema of the spec.
    Schema,
    /// Look at the local store, and free its space.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Write man pages into a folder: one for every command.
    Man {
        /// The folder, which is made where it is not there, such as `~/.local/share/man/man1`.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// What it is made from: an `environment.yml`, a `requirements.txt`, a `pixi.lock` or another lock, a `pyproject.toml`, a
    /// `Dockerfile` or a `devcontainer.json`.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Where it is written, `-` for standard output; `spec.toml` beside the file by default. Its paths are relative to that.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was written, and what was left out, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The spec.
    pub(crate) spec: PathBuf,
    /// The folder for the images; the current one by default. `-` writes one image to standard output, as a tarball.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// The form of the images.
    #[arg(long, value_enum, default_value_t = FormatArgument::Oci)]
    pub(crate) format: FormatArgument,
    /// Fail if the lock is missing or stale.
    #[arg(long)]
    pub(crate) locked: bool,
    /// Never use the network.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Take the archives from this folder, which `imgbuild lock --vendor` made; implies `--locked` and `--offline`.
    #[arg(long, value_name = "DIR")]
    pub(crate) vendor: Option<PathBuf>,
    /// Do not run the spec's checks.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Remove each archive from the cache as soon as the layers are there that are made of it, unless another build uses it.
    #[arg(long)]
    pub(crate) discard_archives: bool,
    /// Build only the variants with this matrix value; can be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) only: Vec<(String, String)>,
    /// Build only for this platform; can be repeated.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Vec<Platform>,
    /// Build only this machine's part of the images, such as `2/8`; `auto` where a scheduler or CI says which it is. The lock must be
    /// there.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<ShardArgument>,
    /// Push the images: to HOST/NAME, with a tag or for all tags of the spec; keys of the matrix in braces. Nothing is then
    /// written into a folder, unless `--output` names one. Can be repeated.
    #[arg(long, value_name = "REF")]
    pub(crate) push: Vec<PushTarget>,
    #[command(flatten)]
    pub(crate) rules: PushRules,
    #[command(flatten)]
    pub(crate) tags: TagRules,
    /// Say of each image that is pushed where it comes from: SLSA's provenance, of the lock, the commit and who builds. With
    /// `--sign-key` that is signed as well. It is beside the image; with `--provenance=listed` in a list with it as well, where docker's
    /// tools look for it, and tags mean that list.
    #[arg(long, requires = "push", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "beside")]
    pub(crate) provenance: Option<ProvenanceArgument>,
    #[command(flatten)]
    pub(crate) caches: CacheRules,
    /// Write a page that shows the build and its images: one file of HTML, which needs no network.
    #[arg(long, value_name = "FILE", value_parser = crate::inspect_arguments::page)]
    pub(crate) report: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The spec.
    pub(crate) spec: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A tarball, a layout's folder, a spec that was built, its image's NAME:TAG, or a digest.
    pub(crate) image: String,
    /// The command, instead of the image's own.
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
    /// Show a file or folder of this machine inside; can be repeated.
    #[arg(short, long, value_name = "SRC:DST[:ro]", value_parser = mount)]
    pub(crate) mount: Vec<(PathBuf, imgbuild_archive::ImagePath, imgbuild_sandbox::Access)>,
    /// Set a variable, or pass on this machine's where there is only a name; can be repeated.
    #[arg(short, long, value_name = "NAME[=VALUE]", value_parser = variable)]
    pub(crate) env: Vec<(String, Option<String>)>,
    /// Give it this machine's network; without, it has none.
    #[arg(long)]
    pub(crate) net: bool,
    /// Let a port of the image be reached at one of this machine's loopback address; can be repeated.
    #[arg(short, long, value_name = "[HOST:]PORT", value_parser = published)]
    pub(crate) publish: Vec<(u16, u16)>,
    /// Give it this machine's GPUs, as its CDI files describe them: all, or those of these names, which commas part.
    #[arg(long, value_name = "NAMES", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub(crate) gpu: Option<String>,
    /// The folder of CDI files, instead of `/etc/cdi` and `/var/run/cdi`; can be repeated.
    #[arg(long, value_name = "DIR", requires = "gpu")]
    pub(crate) cdi_spec_dir: Vec<PathBuf>,
    /// Let it write nothing but `/tmp`, `/run`, `/dev/shm` and what is mounted.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Run as another user: a name or number, with or without a group.
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// The folder to start in.
    #[arg(short, long, value_name = "DIR", value_parser = absolute)]
    pub(crate) workdir: Option<imgbuild_archive::ImagePath>,
    /// A program to run instead of the image's entrypoint; an empty one for none.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<String>,
    /// The platform, where the image has several.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Run it only if it is what `imgbuild verify` says that it should be with this public key: it must be named by its registry.
    #[arg(long, value_name = "KEY")]
    pub(crate) verify: Option<KeyPlace>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// A spec: then the servers that it names are asked, and what it needs of the machine is looked at.
    pub(crate) spec: Option<PathBuf>,
    /// Ask nobody.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// The registry, with its port where it has one of its own; `docker.io` for Docker Hub.
    #[arg(value_name = "HOST[:PORT]")]
    pub(crate) host: RegistryHost,
    /// The user; asked for where it is missing.
    #[arg(short, long, alias = "username", value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Read the password from standard input, instead of asking for it.
    #[arg(long, requires = "user")]
    pub(crate) password_stdin: bool,
    /// Speak to the registry without TLS: who is on the way reads the password.
    #[arg(long)]
    pub(crate) plain_http: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List what the store holds.
    Ls {
        /// Print the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove what is not used any more; what a running build uses stays.
    Prune {
        /// Remove what was not used for so many days.
        #[arg(long, value_name = "DAYS", default_value_t = 30, conflicts_with_all = ["all", "max_size"])]
        days: u64,
        /// Remove what was not used for longest until the store has at most this size, such as `20GB`.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
        /// Remove everything.
        #[arg(long, conflicts_with = "max_size")]
        all: bool,
        /// Print what was removed as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check everything in the store against its hash, and remove what is damaged.
    Verify {
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The forms in which images are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArgument {
    /// A tarball that docker, podman, skopeo and containerd read.
    Oci,
    /// A folder: an OCI layout.
    OciDir,
    /// A tarball with gzip layers and docker's media types, for old engines.
    Docker,
    /// A folder: an OCI layout with descriptors in place of layers, for `imgbuild push` in a registry that has them.
    Sparse,
}

impl From<FormatArgument> for imgbuild_image::Format {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Oci => Self::Oci,
            FormatArgument::OciDir => Self::OciDir,
            FormatArgument::Docker => Self::Docker,
            FormatArgument::Sparse => Self::Sparse,
        }
    }
}

fn absolute(text: &str) -> Result<imgbuild_archive::ImagePath, String> {
    imgbuild_archive::ImagePath::from_absolute(text.trim_end_matches('/')).map_err(|error| error.to_string())
}

/// `SRC:DST`, and `:ro` or `:rw` behind it.
fn mount(text: &str) -> Result<(PathBuf, imgbuild_archive::ImagePath, imgbuild_sandbox::Access), String> {
    let (text, access) = match text.strip_suffix(":ro") {
        Some(rest) => (rest, imgbuild_sandbox::Access::Read),
        None => (text.strip_suffix(":rw").unwrap_or(text), imgbuild_sandbox::Access::Write),
    };
    let Some((source, target)) = text.rsplit_once(':').filter(|(source, _)| !source.is_empty()) else {
        return Err("write it as SRC:DST or SRC:DST:ro".to_owned());
    };
    Ok((PathBuf::from(source), absolute(target)?, access))
}

fn variable(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if name.is_empty() || name.contains('\0') {
        return Err("write it as NAME=VALUE or NAME".to_owned());
    }
    Ok((name.to_owned(), value))
}

fn published(text: &str) -> Result<(u16, u16), String> {
    let number = |text: &str| text.parse().ok().filter(|port| *port != 0);
    let found = match text.split_once(':') {
        Some((host, port)) => number(host).zip(number(port)),
        None => number(text).map(|port| (port, port)),
    };
    found.ok_or_else(|| "write it as HOST:PORT or PORT, with numbers from 1 to 65535".to_owned())
}

/// A size with a unit: `500MB`, `20GB`, `1TiB`, or plain bytes.
fn size(text: &str) -> Result<u64, SizeError> {
    text.parse().map(Size::bytes)
}
