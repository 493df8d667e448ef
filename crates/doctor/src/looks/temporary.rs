//! The folder for temporary files: some of what is read from packages is written there and read again.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use imgbuild_diagnostic::Size;
use imgbuild_store::FreeSpace;

use crate::finding::{Area, Finding, Verdict};
use crate::surroundings::Surroundings;
use crate::thresholds::LEAST_TEMPORARY;

pub(crate) fn look(surroundings: &Surroundings) -> Finding {
    // As Rust's library has it, by which temporary files are made.
    let folder = surroundings.variable("TMPDIR").map_or_else(|| surroundings.root.join("tmp"), PathBuf::from);
    let free = FreeSpace::at(&folder).ok().map(|free| free.bytes);
    found(&folder, written(&folder), free)
}

fn written(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(b"imgbuild")
}

fn found(folder: &Path, written: io::Result<()>, free: Option<u64>) -> Finding {
    let told = |verdict, found| Finding::new(Area::Disk, "temporary files", verdict, found).needed();
    let remedy = "set `TMPDIR` to a folder on a disk with room, that you may write";
    let folder = folder.display();
    match (written, free) {
        (Err(error), _) => {
            told(Verdict::Wrong, format!("nothing can be written in `{folder}`: {error}")).remedy(remedy)
        }
        (Ok(()), Some(free)) if free < LEAST_TEMPORARY => told(
            Verdict::Wrong,
            format!(
                "{} are free in `{folder}`, and builds need {} at least",
                Size(free),
                Size(LEAST_TEMPORARY)
            ),
        )
        .remedy(remedy),
        (Ok(()), _) => told(Verdict::Fine, format!("`{folder}` can be written")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_must_be_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(found(folder.path(), written(folder.path()), None).verdict, Verdict::Fine);
        let here = Path::new("/there");
        let all = [
            found(here, Ok(()), Some(u64::MAX)),
            found(here, Ok(()), Some(5)),
            found(here, written(&folder.path().join("absent")), None),
        ];
        let shown = crate::looks::shown(&all).replace(&folder.path().display().to_string(), "HERE");
        insta::assert_snapshot!(shown, @"
        fine! temporary files: `/there` can be written
        wrong! temporary files: 5 B are free in `/there`, and builds need 100.0 MB at least
          -> set `TMPDIR` to a folder on a disk with room, that you may write
        wrong! temporary files: nothing can be written in `/there`: No such file or directory (os error 2)
          -> set `TMPDIR` to a folder on a disk with room, that you may write
        ");
    }
}
