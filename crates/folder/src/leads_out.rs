//! Links that lead out of the folder that a path is named in.

use std::path::{Component, Path, PathBuf};

/// A path that a link leads out of the spec's folder by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error(
    "`{}` is in the spec's folder, but a link leads from there to `{}`",
    path.display(), found.display()
)]
#[diagnostic(help("{}", Self::HINT))]
pub struct LeadsOut {
    /// The path.
    pub path: PathBuf,
    /// Where it leads.
    pub found: PathBuf,
}

impl LeadsOut {
    /// What is to be done.
    pub const HINT: &str = "name what the link leads to, or put it into the spec's folder";
}

/// Where `path`, which is relative to `folder`, leads by its links, where that is out of the folder and its text does not
/// say so. Nothing for what is not there.
pub fn leads_out(folder: &Path, path: &Path) -> Option<PathBuf> {
    if !stays_inside(path) {
        return None;
    }
    // A spec that is named without a folder has an empty one.
    let root = folder.join(".").canonicalize().ok()?;
    let found = root.join(path).canonicalize().ok()?;
    (!found.starts_with(&root)).then_some(found)
}

/// Whether the text of a path stays in the folder that it is relative to, at each of its components.
fn stays_inside(path: &Path) -> bool {
    let mut depth = 0_usize;
    path.components().all(|part| match part {
        Component::CurDir => true,
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::ParentDir => {
            let above = depth.checked_sub(1);
            depth = above.unwrap_or_default();
            above.is_some()
        }
        Component::RootDir | Component::Prefix(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_the_text_of_a_path_leads_out_of_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let (outside, folder) = (place.path().join("outside"), place.path().join("folder"));
        for made in [&outside, &folder, &folder.join("inside")] {
            std::fs::create_dir(made).unwrap();
        }
        std::fs::write(outside.join("secret"), "").unwrap();
        std::fs::write(folder.join("inside/file"), "").unwrap();
        symlink("../outside", folder.join("relative")).unwrap();
        symlink(&outside, folder.join("absolute")).unwrap();
        symlink("relative/secret", folder.join("twice")).unwrap();
        symlink("../folder/inside", folder.join("back")).unwrap();
        symlink("inside/file", folder.join("within")).unwrap();
        symlink("nowhere", folder.join("dangling")).unwrap();

        for path in
            ["relative", "relative/.", "./relative/secret", "absolute/secret", "twice", "relative/../outside"]
        {
            assert!(leads_out(&folder, Path::new(path)).is_some(), "{path}");
        }
        for path in [".", "inside/file", "back/file", "within", "dangling", "absent/file"] {
            assert_eq!(leads_out(&folder, Path::new(path)), None, "{path}");
        }
        assert_eq!(leads_out(&folder, &outside.join("secret")), None);
        assert_eq!(leads_out(&folder, Path::new("../outside/secret")), None);
    }
}
