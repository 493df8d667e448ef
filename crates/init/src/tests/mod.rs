//! What specs come of real-life files. Each is loaded as any spec is.

mod bases;
mod dockerfiles;
mod others;
mod package_managers;
mod secrets;

use std::fs;
use std::path::Path;

use imgbuild_oci::Platform;
use imgbuild_spec::Spec;
use miette::Diagnostic;

use crate::{FirstSpec, draft, folder_of};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What is wrong with the text of a spec.
fn check(path: &Path, text: &str) -> Result<(), Box<dyn Diagnostic + Send + Sync>> {
    let loaded = Spec::load_variants_of_text(path, text, Platform::LinuxAmd64);
    loaded.map(drop).map_err(|wrong| Box::new(wrong.error) as Box<dyn Diagnostic + Send + Sync>)
}

/// The spec that a file of a folder makes: it is a right one.
fn made(folder: &Path, from: &str) -> FirstSpec {
    let file = folder.join(from);
    let spec = folder_of(&file).join("spec.toml");
    let name = spec.display().to_string();
    let draft = draft(&file, &folder_of(&file))
        .unwrap_or_else(|error| panic!("{}", imgbuild_diagnostic::told(&error)));
    let first = draft.settle(&name, &|text| check(&spec, text)).unwrap();
    let right = check(&spec, &first.text);
    assert!(right.is_ok(), "{}\n{}", first.text, imgbuild_diagnostic::told(right.unwrap_err().as_ref()));
    first
}

/// The text of that spec, with a name that is always the same.
fn text(files: &[(&str, &str)], from: &str) -> String {
    let folder = folder(files);
    let text = made(folder.path(), from).text;
    let name = crate::name::of_folder(folder.path());
    text.replacen(&format!("name = \"{name}\""), "name = \"app\"", 1)
}

/// Why no spec is made of a file.
fn refused(files: &[(&str, &str)], from: &str) -> String {
    let folder = folder(files);
    let file = folder.path().join(from);
    let error = match draft(&file, &folder_of(&file)) {
        Err(error) => imgbuild_diagnostic::told(&error),
        Ok(draft) => {
            let spec = folder.path().join("spec.toml");
            let settled = draft.settle(&spec.display().to_string(), &|text| check(&spec, text));
            imgbuild_diagnostic::told(settled.unwrap_err().as_ref())
        }
    };
    let shown = folder.path().display().to_string();
    error.replace(&format!("{shown}/"), "").replace(&shown, "FOLDER")
}
