//! What every package has: the program, its pages and completions, and licences, below whatever it is installed in.

use std::borrow::Cow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::commands;
use super::error::DistError;

/// A file.
pub(super) struct Entry<'a> {
    /// Where it is, below the root.
    pub(super) path: String,
    /// Its rights.
    pub(super) mode: u32,
    /// What it holds.
    pub(super) body: Cow<'a, [u8]>,
}

/// Files, by their paths.
pub(super) struct Tree(Vec<Entry<'static>>);

/// Where shells look for completions, and what each is called there.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/imgbuild"),
    ("fish", "share/fish/vendor_completions.d/imgbuild.fish"),
    ("zsh", "share/zsh/site-functions/_imgbuild"),
];

/// What of the repository comes with the program.
const DOCUMENTS: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

impl Tree {
    /// That of a program, with pages and completions by one that this machine runs.
    pub(super) fn new(
        workspace: &Path,
        runs_here: &Path,
        program: &Path,
        licences: String,
    ) -> Result<Self, DistError> {
        let mut entries = Vec::new();
        let mut add = |path: String, mode, body| entries.push(Entry { path, mode, body: Cow::Owned(body) });
        add("bin/imgbuild".to_owned(), 0o755, fs_err::read(program)?);
        for (shell, path) in COMPLETIONS {
            let script = commands::output(Command::new(runs_here).args(["completions", shell]))?;
            add(path.to_owned(), 0o644, script);
        }
        for name in DOCUMENTS {
            add(format!("share/doc/imgbuild/{name}"), 0o644, fs_err::read(workspace.join(name))?);
        }
        add("share/doc/imgbuild/THIRD-PARTY".to_owned(), 0o644, licences.into_bytes());
        let pages = tempfile::tempdir()?;
        commands::run(Command::new(runs_here).arg("man").arg(pages.path()))?;
        for page in fs_err::read_dir(pages.path())? {
            let page = page?;
            let name = page.file_name().to_string_lossy().into_owned();
            add(format!("share/man/man1/{name}"), 0o644, fs_err::read(page.path())?);
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self(entries))
    }

    /// The files, which borrow from here what they hold.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.0.iter().map(|it| Entry {
            path: it.path.clone(),
            mode: it.mode,
            body: Cow::Borrowed(it.body.as_ref()),
        })
    }

    /// Those below a folder.
    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = Entry<'_>> {
        self.entries().filter(move |it| it.path.starts_with(folder))
    }
}

impl Entry<'_> {
    /// Writes it below a root.
    pub(super) fn write(&self, root: &Path) -> Result<(), DistError> {
        let path = root.join(&self.path);
        fs_err::create_dir_all(path.parent().unwrap_or(root))?;
        fs_err::write(&path, &self.body)?;
        Ok(fs_err::set_permissions(&path, std::fs::Permissions::from_mode(self.mode))?)
    }
}
