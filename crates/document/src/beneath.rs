//! Paths of a spec whose links lead out of its folder.
//!
//! Who reviews a spec reads its text: `../shared/requirements.txt` says that a file beside the folder is used. A link says
//! nothing, and leads to whatever the machine that builds has there. So a path whose text stays in the folder stays in it.

use std::path::Path;

use imgbuild_folder::{LeadsOut, leads_out};

use crate::mistake::Mistake;
use crate::problem::Problem;
use crate::value::ValueError;

/// Refuses a path that a link leads out of the folder by.
pub fn check(folder: &Path, path: &Path) -> Result<(), ValueError> {
    match mistake(folder, path) {
        Some(mistake) => Err(ValueError::new(mistake.to_string()).hint(LeadsOut::HINT)),
        None => Ok(()),
    }
}

fn mistake(folder: &Path, path: &Path) -> Option<Mistake> {
    let found = leads_out(folder, path)?;
    Some(Mistake::LeadsOut(LeadsOut { path: path.to_owned(), found }))
}

/// The same, for a path that is the value of a key.
pub fn problem(folder: &Path, path: &Path) -> Option<Problem> {
    Some(Problem::new(mistake(folder, path)?).hint(LeadsOut::HINT))
}
