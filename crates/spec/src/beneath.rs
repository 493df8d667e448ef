//! Paths of a spec whose links lead out of its folder.
//!
//! Who reviews a spec reads its text: `../shared/requirements.txt` says that a file beside the folder is used. A link says
//! nothing, and leads to whatever the machine that builds has there. So a path whose text stays in the folder stays in it.

use std::path::Path;

use folder::leads_out;

use crate::error::{Mistake, Problem};
use crate::values::ValueError;

/// Refuses a path that a link leads out of the folder by.
pub(crate) fn check(folder: &Path, path: &Path) -> Result<(), ValueError> {
    let Some(found) = leads_out(folder, path) else { return Ok(()) };
    let (path, found) = (path.display(), found.display());
    Err(ValueError::new(format!(
        "`{path}` is in the spec's folder, but a link leads from there to `{found}`"
    ))
    .hint("name what the link leads to, or put it into the spec's folder"))
}

/// The same, for a path that is the value of a key.
pub(crate) fn problem(folder: &Path, path: &Path) -> Option<Problem> {
    let error = check(folder, path).err()?;
    let problem = Problem::new(Mistake::Value { message: error.to_string() });
    Some(problem.hint_if_any(error.help().map(str::to_owned)))
}
