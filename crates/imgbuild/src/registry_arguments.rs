//! The command line of what has to do with registries.

use std::path::PathBuf;

use clap::Args;
use imgbuild_build::{CacheFrom, SharedCaches};
use imgbuild_distribution::{CacheKey, CacheKeyError, CachePlace, Publishing, PushTarget};
use imgbuild_oci::{Platform, Reference};
use imgbuild_registry::PushOptions;

use crate::keys::{KeyFailure, KeyPlace};

/// How images are pushed.
#[derive(Debug, Clone, Args)]
pub(crate) struct PushRules {
    /// Find out what would be pushed, and push nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Fail where a layer would have to be sent: all must be in the registry, there or in another repository.
    #[arg(long)]
    pub(crate) mount_only: bool,
    /// Fail where a tag means another image already.
    #[arg(long)]
    pub(crate) immutable_tags: bool,
    /// A repository of the same registry where all blobs go first, and are mounted from.
    #[arg(long, value_name = "REF")]
    pub(crate) blob_repository: Option<Reference>,
    /// Sign the images with this private key, as cosign does with one: PEM in a file, or in a variable as `env:NAME`. The password of
    /// an encrypted one is that of `COSIGN_PASSWORD`.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign_key: Option<KeyPlace>,
}

/// Under which tags the images of a spec are pushed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct TagRules {
    /// Let each tag say the platform of its image as well, `TAG-amd64`, for machines that build one platform each; `imgbuild push
    /// --complete` joins them.
    #[arg(long)]
    pub(crate) platform_tags: bool,
}

impl PushRules {
    /// What is to be pushed, and how.
    ///
    /// # Errors
    ///
    /// When the key cannot be read.
    pub(crate) fn publishing(
        &self,
        targets: &[PushTarget],
        platform_tags: bool,
    ) -> Result<Publishing, KeyFailure> {
        Ok(Publishing {
            targets: targets.to_vec(),
            staging: self.blob_repository.clone(),
            platform_tags,
            options: self.options(),
            key: self.sign_key.as_ref().map(KeyPlace::signing_key).transpose()?,
        })
    }

    /// How it is pushed.
    pub(crate) fn options(&self) -> PushOptions {
        PushOptions {
            dry_run: self.dry_run,
            mount_only: self.mount_only,
            immutable_tags: self.immutable_tags,
        }
    }
}

/// Where layers are taken from, and given to.
#[derive(Debug, Clone, Args)]
pub(crate) struct CacheRules {
    /// Take layers from this image of a registry, beside what the targets were until now: those that are wanted are neither made
    /// nor fetched. Can be repeated.
    #[arg(long, value_name = "REF")]
    cache_from: Vec<Reference>,
    /// Take no layers from images of registries.
    #[arg(long, conflicts_with = "cache_from")]
    no_cache_from: bool,
    /// Take layers from a cache that builds share, and give it those that it lacks: a repository HOST/NAME, or a folder or bucket
    /// as `file:///srv/cache`, `s3://…`, `gs://…` or `az://…`. Can be repeated.
    #[arg(long, value_name = "PLACE")]
    cache_to: Vec<CachePlace>,
    /// Give the shared cache nothing.
    #[arg(long, requires = "cache_to")]
    cache_read_only: bool,
    /// A key of Ed25519 in PEM: entries of the shared cache are signed with it, and others are not believed.
    #[arg(long, value_name = "FILE", requires = "cache_to")]
    cache_key: Option<PathBuf>,
    /// Make every layer that a cache has as well, and fail where it has another one.
    #[arg(long)]
    verify_cache: bool,
}

impl CacheRules {
    /// Whose layers are looked for.
    pub(crate) fn cache_from(&self) -> CacheFrom {
        match self.cache_from.as_slice() {
            _ if self.no_cache_from => CacheFrom::Nothing,
            [] => CacheFrom::Targets,
            named => CacheFrom::Images(named.to_vec()),
        }
    }

    /// The caches that builds share.
    pub(crate) fn shared(&self) -> Result<SharedCaches, CacheKeyError> {
        Ok(SharedCaches {
            places: self.cache_to.clone(),
            key: self.cache_key.as_deref().map(CacheKey::read).transpose()?,
            read_only: self.cache_read_only,
            verify: self.verify_cache,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// What was built, by its spec, its NAME:TAG or its digest; or a tarball or a layout's folder, with the name of one of its images behind
    /// it where it has several (`./layout:1`).
    pub(crate) image: String,
    /// Where to: HOST/NAME, with a tag or for all tags of the image; keys of the matrix in braces. Can be repeated.
    #[arg(required = true, value_name = "REF")]
    pub(crate) targets: Vec<PushTarget>,
    #[command(flatten)]
    pub(crate) rules: PushRules,
    #[command(flatten)]
    pub(crate) tags: TagRules,
    /// Only look whether every image of the spec's matrix is there, made from this lock, and join those that `--platform-tags` has
    /// parted; with `--platform` none are joined.
    #[arg(long, conflicts_with_all = ["dry_run", "mount_only", "platform_tags", "blob_repository", "named"])]
    pub(crate) complete: bool,
    /// Which image of a tarball or a layout that has several: its name, tag or digest.
    #[arg(long, value_name = "NAME")]
    pub(crate) named: Option<String>,
    /// Push only the variants of a spec with this matrix value; can be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = crate::choice_arguments::key_value)]
    pub(crate) only: Vec<(String, String)>,
    /// Push only for this platform; can be repeated.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Vec<Platform>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// The image: HOST/NAME:TAG or HOST/NAME@DIGEST.
    pub(crate) image: Reference,
    /// The file, or the folder of a layout. Without it the image goes into the store, where `imgbuild run` finds it.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// The form of the image.
    #[arg(long, value_enum, default_value_t = PulledFormat::Oci, requires = "output")]
    pub(crate) format: PulledFormat,
    /// Only for this platform; by default all that the image is built for, and into the store that of this machine.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The forms in which images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PulledFormat {
    /// A tarball: an OCI layout.
    Oci,
    /// A folder: an OCI layout.
    OciDir,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// The image: HOST/NAME:TAG or HOST/NAME@DIGEST.
    pub(crate) from: Reference,
    /// Where to: HOST/NAME, with a tag or for the same one. Can be repeated.
    #[arg(required = true, value_name = "REF")]
    pub(crate) targets: Vec<PushTarget>,
    #[command(flatten)]
    pub(crate) rules: PushRules,
    /// Only for this platform; all that the image is built for by default.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TagsArguments {
    /// The repository: HOST/NAME.
    pub(crate) repository: Reference,
    /// Print the digest of each tag as well.
    #[arg(long)]
    pub(crate) digests: bool,
    /// Print the list as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum IndexCommand {
    /// Join images for several platforms, which are in one registry, into one.
    Create {
        /// What it is called: HOST/NAME:TAG.
        target: Reference,
        /// The images: HOST/NAME:TAG or HOST/NAME@DIGEST.
        #[arg(required = true, value_name = "REF")]
        images: Vec<Reference>,
        /// Sign it and each image in it with this private key, as `imgbuild push` does.
        #[arg(long, value_name = "KEY")]
        sign_key: Option<KeyPlace>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RegistryCommand {
    /// Measure what a registry can do, by pushing a few small blobs to a repository, and mounting one in a second, `NAME-probe`.
    Probe {
        /// The repository: HOST/NAME.
        repository: Reference,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}
