//! Folders of this machine that are read and written beneath: no link leads out of them.
//!
//! A folder that was checked out with a repository, or that others can write to, may hold links to anywhere. What imgbuild
//! writes into such a folder or removes from it goes through [`Folder`], which follows none; what a spec names in its own
//! folder is looked at by [`leads_out`].

mod file_error;
mod file_state;
mod folder;
mod ignored;
mod leads_out;
mod regular;
mod secret;

pub use file_error::FileError;
pub use file_state::FileState;
pub use folder::{Folder, TEMPORARY};
pub use ignored::{IGNORE_FILE, IgnoreError, ignored};
pub use leads_out::{LeadsOut, leads_out};
pub use regular::{open_regular, read_regular};
pub use secret::secret;
