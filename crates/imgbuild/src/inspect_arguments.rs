//! The arguments of the commands that look at images.

use std::path::PathBuf;

use clap::Args;
use imgbuild_oci::Platform;

/// Which image is looked at.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImageArguments {
    /// A tarball, a layout's folder, a spec that was built, its image's NAME:TAG, a digest, or an image of a registry.
    pub(crate) image: String,
    /// The platform of processors, where the image has several.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// List its layers: what each is made of, and its sizes.
    #[arg(long)]
    pub(crate) layers: bool,
    /// List its packages: of its system, of conda and of Python, those of other people's images too.
    #[arg(long)]
    pub(crate) packages: bool,
    /// List its files whose paths fit a pattern, such as `/opt/conda/lib/*.so`, with the packages that they belong to; all files
    /// without one.
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = "**")]
    pub(crate) files: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LsArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// The folder or file, such as `/opt/conda/bin`.
    #[arg(default_value = "/")]
    pub(crate) path: String,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CatArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// The file, such as `/etc/os-release`. Links are followed.
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExtractArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// The file or folder of the image, such as `/opt/conda/share/doc`.
    pub(crate) path: String,
    /// The folder that it is put into under its own name; it is made where it is not there.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The first image, or a lock: `spec.lock`, or `spec.lock@HEAD~3` as git has it at a revision.
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,
    /// The second one.
    #[arg(value_name = "AFTER")]
    pub(crate) after: String,
    /// The platform of processors, where the images have several.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Compare files as well, byte by byte where need be.
    #[arg(long)]
    pub(crate) files: bool,
    /// Print tables of Markdown, for a comment on a pull request.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// A package, such as `numpy` or `conda/numpy`; or a path of an image, such as `/opt/conda/bin/python`.
    #[arg(value_name = "PACKAGE|PATH")]
    pub(crate) what: String,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TreeArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// Only this package and what it requires.
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: Option<String>,
    /// How deep it goes.
    #[arg(long, value_name = "LEVELS")]
    pub(crate) depth: Option<usize>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SizeArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// How many packages are listed, the dearest first.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) top: usize,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// A second image: both are shown side by side, with what differs.
    #[arg(value_name = "IMAGE")]
    pub(crate) other: Option<String>,
    /// The page; `-` for standard output.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CatalogArguments {
    /// The images: tarballs, layouts' folders, specs that were built, NAME:TAGs, digests, or images of registries.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// The platform of processors, where an image has several.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// The page, `-` for standard output; or a folder, in which each image gets a page of its own beside `index.html`: one that is there,
    /// or a name that ends with a slash.
    #[arg(short, long, value_name = "FILE|DIR", default_value = "catalog.html")]
    pub(crate) output: PathBuf,
}

/// The page of a build: standard output has other things to say.
pub(crate) fn page(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("standard output says where the images are: name a file".to_owned()),
        text => Ok(PathBuf::from(text)),
    }
}
