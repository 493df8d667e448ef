//! Whiteouts: how a layer takes away what layers below it hold.

use serde::{Deserialize, Serialize};

use crate::{ImagePath, PathError, TarError};

/// What the name of every whiteout begins with.
const PREFIX: &str = ".wh.";
/// The name of the file that makes its folder opaque.
const OPAQUE: &str = ".wh..wh..opq";

/// What a layer takes away of the layers below it; never anything of its own. Follows `layer.md` of the image
/// specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whiteout {
    /// `.wh.NAME`: this path, with everything below it, is not there any more.
    Removes(ImagePath),
    /// `.wh..wh..opq`: nothing that lower layers hold in this folder (the root, where there is none) is there any more.
    Opaque(Option<ImagePath>),
}

impl Whiteout {
    /// Whether a path leads through a name that means something to engines, or has one itself.
    pub fn is_reserved(path: &ImagePath) -> bool {
        path.as_str().split('/').any(|component| component.starts_with(PREFIX))
    }

    /// The path of the file by which a layer says it.
    ///
    /// # Errors
    ///
    /// When the name becomes too long.
    pub fn path(&self) -> Result<ImagePath, PathError> {
        let (folder, name) = match self {
            Self::Removes(path) => (path.parent(), format!("{PREFIX}{}", path.file_name())),
            Self::Opaque(folder) => (folder.clone(), OPAQUE.to_owned()),
        };
        match folder {
            Some(folder) => folder.join(&name),
            None => ImagePath::new(&name),
        }
    }

    /// Whether the entry at this path is a whiteout, by its name; nothing where it is an entry like any other.
    ///
    /// # Errors
    ///
    /// When the name is a whiteout's and names nothing that could be removed (`.wh.`, `.wh..`, `.wh...`), is one of
    /// those by which aufs kept its own records (`.wh..wh.plnk`), or the path leads through a whiteout.
    pub fn of(path: &ImagePath) -> Result<Option<Self>, TarError> {
        let refused = |rule| Err(TarError::ambiguous(path.as_str(), rule));
        if path.parent().is_some_and(|folder| Self::is_reserved(&folder)) {
            return refused("it lies below a whiteout");
        }
        let Some(name) = path.file_name().strip_prefix(PREFIX) else { return Ok(None) };
        let folder = path.parent();
        match name {
            _ if path.file_name() == OPAQUE => Ok(Some(Self::Opaque(folder))),
            "" | "." | ".." => refused("it is a whiteout that names nothing which could be removed"),
            name if name.starts_with(PREFIX) => {
                refused("it is a whiteout of a whiteout, or a record of aufs")
            }
            name => Ok(Some(Self::Removes(match folder {
                Some(folder) => folder.join(name)?,
                None => ImagePath::new(name)?,
            }))),
        }
    }
}
