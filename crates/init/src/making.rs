//! From a file to a draft.

use std::path::{Path, PathBuf};

use imgbuild_document::{FILE_LIMIT, files};

use crate::docker::{self, Build};
use crate::draft::Draft;
use crate::error::InitError;
use crate::folder::{Folder, below};
use crate::recognition::{self, Recognition};
use crate::{devcontainer, locked, name, pyproject, python, reading};

/// The folder in which the spec of a file stands, where nobody says another one: that of the file, and for a dev container the one
/// that it opens.
pub fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let above = folder.ancestors().skip_while(|it| !it.ends_with(".devcontainer")).nth(1);
    above.unwrap_or(folder).to_owned()
}

/// What a file says, as a draft of a spec that stands in `folder`.
///
/// # Errors
///
/// When the file cannot be read, is wrong, or is none that a spec is made from.
pub fn draft(file: &Path, folder: &Path) -> Result<Draft, InitError> {
    let source = reading::read(file)?;
    let known =
        recognition::of(&source).ok_or_else(|| InitError::Unknown { file: source.name().to_owned() })?;
    let path = below(file, folder).ok_or_else(|| InitError::not_below(file, folder))?;
    let mut draft = Draft::new(name::of_folder(folder), Some(path.clone()));
    let place = format!("from `{path}`");
    let here = Folder::new(folder);
    match known {
        Recognition::Environment => locked::take(&mut draft, &source, &path)?,
        Recognition::Requirements => {
            draft.add("pip.requirements", &path, &place);
            draft.entries.iter_mut().for_each(|entry| entry.is_essential = true);
            if here.needs_builds(&path) {
                draft.set_literal("pip.allow-builds", "true".to_owned(), "for what is no wheel");
            }
            python::set(&mut draft, pinned(folder).as_deref(), None, "for its packages");
        }
        Recognition::Project => pyproject::take(&mut draft, &source, (&path, pinned(folder)), &here)?,
        Recognition::Dockerfile => {
            docker::take(&mut draft, &source, &here, &Build::default())?;
            ignored(&mut draft, &here);
        }
        Recognition::DevContainer => {
            devcontainer::take(&mut draft, &source, (file, folder))?;
            ignored(&mut draft, &here);
        }
    }
    Ok(draft)
}

/// The Python that `.python-version` names.
fn pinned(folder: &Path) -> Option<String> {
    let text = files::text(&folder.join(".python-version"), FILE_LIMIT, &files::from_disk).ok()?;
    python::minor(text.inner().trim().trim_start_matches("python-"))
}

/// What docker would not copy is not read here.
fn ignored(draft: &mut Draft, folder: &Folder) {
    if draft.has("copy") && folder.has_file(".dockerignore") && !folder.has_file(".imgbuildignore") {
        let reason = "what is not copied is named in `.imgbuildignore`, in the notation of `.gitignore`";
        draft.leave_out("`.dockerignore`", "the names in it", reason);
    }
}
