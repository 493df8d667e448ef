//! `imgbuild pull`.

use std::path::{Path, PathBuf};

use imgbuild_distribution::{pull, pull_to};
use imgbuild_oci::Reference;
use serde_json::json;

use super::{context, print, print_json};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::output::say;
use crate::progress::reporter;
use crate::registry_arguments::{PullArguments, PulledFormat};
use crate::shown::cleaned;

pub(crate) async fn run(arguments: &PullArguments, global: &Global) -> Result<(), Failure> {
    let context = context(Path::new(""), false, reporter(global))?;
    let reference = &arguments.image;
    let (digest, path) = match &arguments.output {
        Some(path) => {
            let is_folder = arguments.format == PulledFormat::OciDir;
            let path =
                if path.is_dir() && !is_folder { path.join(file_name(reference)) } else { path.clone() };
            (pull_to(&path, is_folder, reference, arguments.platform, &context).await?, Some(path))
        }
        None => {
            let platform = arguments.platform.unwrap_or(context.host);
            (pull(reference, platform, &context).await?, None)
        }
    };
    if arguments.json {
        return print_json(&json!({ "reference": reference.to_string(), "digest": digest, "path": path }));
    }
    if !global.quiet {
        let next = match &path {
            Some(path) => path.display().to_string(),
            None => format!("run it: imgbuild run {reference}"),
        };
        say(&cleaned(&format!("{reference} is {digest}\n{next}\n")));
    }
    print(&format!("{digest}\n"))
}

/// What the file of an image is called: `NAME-TAG.tar`.
fn file_name(reference: &Reference) -> PathBuf {
    let tag = reference.tag().map_or_else(|| "latest".to_owned(), ToString::to_string);
    PathBuf::from(format!("{}-{tag}.tar", reference.name().as_str().replace('/', "-")))
}
