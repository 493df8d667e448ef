//! What was copied into the image, and where it came from.

use crate::folder::relative;

/// What was copied so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copies(Vec<Copy>);

/// Whom what is copied belongs to.
#[derive(Debug, Clone)]
pub(crate) enum CopyOwner {
    /// A user and a group, by their numbers.
    Numbers(String),
    /// Somebody whose numbers are not known; how that is written.
    Unknown(String),
}

/// A file or folder that is copied.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    /// Its path below the build's folder.
    pub(crate) from: String,
    /// Its path in the image.
    pub(crate) to: String,
    pub(crate) is_folder: bool,
    pub(crate) owner: Option<CopyOwner>,
    pub(crate) mode: Option<String>,
    pub(crate) place: String,
    /// Whether the spec names it, so that nobody needs it in the image.
    pub(crate) is_named: bool,
    /// Whether the image gets it: an earlier stage's stays there.
    pub(crate) is_copied: bool,
}

impl Copies {
    pub(crate) fn add(&mut self, copy: Copy) {
        self.0.push(copy);
    }

    pub(crate) fn all(self) -> Vec<Copy> {
        self.0
    }

    /// The paths below the spec's folder of what may be there in the image, the last one that was copied first.
    pub(crate) fn sources<'a>(&'a self, path: &'a str) -> impl Iterator<Item = String> + 'a {
        self.0.iter().rev().filter_map(|copy| copy.source(path))
    }

    /// Whether a path of the image is a folder that something was copied into.
    pub(crate) fn has_below(&self, path: &str) -> bool {
        let is_below = |copy: &Copy| {
            copy.is_folder && copy.to == path
                || copy.to.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        };
        self.0.iter().any(is_below)
    }

    /// Says that the spec names a file, by its path in the image: where it was copied by itself, nobody needs it there.
    pub(crate) fn name(&mut self, path: &str) {
        self.0
            .iter_mut()
            .filter(|copy| !copy.is_folder && copy.to == path)
            .for_each(|copy| copy.is_named = true);
    }

    /// Whether a file comes into the image: by its path there, or by its name where programs are.
    pub(crate) fn has(&self, program: &str) -> bool {
        let is_it = |copy: &Copy| match program.contains('/') {
            true => copy.source(program.trim_start_matches("./")).is_some() || program.starts_with("./"),
            false => copy.is_folder || copy.to.rsplit('/').next() == Some(program),
        };
        self.0.iter().any(|copy| copy.is_copied && is_it(copy))
    }

    /// Adds all of the build's folder, for commands that run in it.
    pub(crate) fn add_all(&mut self) {
        self.0.push(Copy {
            from: ".".to_owned(),
            to: "/".to_owned(),
            is_folder: true,
            owner: None,
            mode: None,
            place: String::new(),
            is_named: false,
            is_copied: false,
        });
    }

    /// Takes over what of the same files the spec names.
    pub(crate) fn take_names(&mut self, other: &Self) {
        for (copy, other) in self.0.iter_mut().zip(&other.0) {
            copy.is_named |= other.is_named;
            copy.mode.clone_from(&other.mode);
        }
    }

    /// Sets the mode of a file that is copied by itself. Whether there is such a one.
    pub(crate) fn set_mode(&mut self, path: &str, mode: &str) -> bool {
        let mut is_known = false;
        for copy in self.0.iter_mut().filter(|copy| !copy.is_folder && copy.to == path) {
            copy.mode = Some(mode.to_owned());
            is_known = true;
        }
        is_known
    }
}

impl Copy {
    fn source(&self, path: &str) -> Option<String> {
        if self.to == path {
            return Some(self.from.clone());
        }
        let to = self.to.trim_end_matches('/');
        let below = path.strip_prefix(to)?.strip_prefix('/').filter(|_| self.is_folder)?;
        relative(&format!("{}/{below}", self.from))
    }
}
