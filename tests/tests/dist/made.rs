//! What was made, once for all tests of a run.

use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_tests::{Outcome, capture, names, temporary, workspace_root};

use crate::linking::Compiled;

/// The version of everything.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder that `cargo xtask dist` wrote.
pub(crate) struct Made {
    pub(crate) folder: PathBuf,
    xtask: PathBuf,
    program: PathBuf,
}

impl Made {
    /// Makes it where it is not there, or of another program.
    pub(crate) fn ready() -> Self {
        let parts = temporary().join("dist-of-tests");
        fs_err::create_dir_all(&parts).unwrap();
        let lock = fs_err::File::create(parts.join(".lock")).unwrap();
        lock.file().lock().unwrap();
        let compiled = Compiled::now();
        let new = Self {
            folder: parts.join("dist"),
            xtask: compiled.program("xtask").to_owned(),
            program: parts.join("imgbuild"),
        };
        let (stamp, wanted) = (parts.join(".stamp"), state(&compiled));
        if !fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            compiled.link(&new.program);
            new.make_into(&new.folder);
            fs_err::write(stamp, wanted).unwrap();
        }
        new
    }

    /// Makes everything once more, somewhere else.
    pub(crate) fn make_into(&self, folder: &Path) -> Outcome {
        let mut xtask = Command::new(&self.xtask);
        xtask.args(["dist", "--quick", "--program"]).arg(&self.program).arg("--output").arg(folder);
        capture(&mut xtask).success()
    }

    /// The file that ends so.
    pub(crate) fn file(&self, end: &str) -> PathBuf {
        let found: Vec<_> = names(&self.folder).into_iter().filter(|name| name.ends_with(end)).collect();
        let [name] = found.as_slice() else { panic!("not one {end}: {found:?}") };
        self.folder.join(name)
    }
}

/// What everything is made of, by its times.
fn state(compiled: &Compiled) -> String {
    let recipe = workspace_root().join("xtask/dist");
    let mut files: Vec<PathBuf> = names(&recipe).iter().map(|name| recipe.join(name)).collect();
    files.extend(["imgbuild", "xtask"].map(|name| compiled.program(name).to_owned()));
    files.extend(["README.md", "pyproject.toml"].map(|name| workspace_root().join(name)));
    let state = |file: &PathBuf| {
        let meta = fs_err::metadata(file).unwrap();
        format!("{} {} {:?}\n", file.display(), meta.len(), meta.modified().unwrap())
    };
    files.iter().map(state).collect()
}
