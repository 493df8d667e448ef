//! A virtual environment, as a source: what makes wheels visible to an interpreter that is somewhere else.
//!
//! It is the least that `python -m venv --without-pip` makes and that is used: `pyvenv.cfg`, by which Python knows where
//! it is, and its names. `lib64` is there because some build systems install into it. There are no activation scripts: in
//! an image the environment is first on PATH for every process, which is all that they would do. `.gitignore` and
//! `CACHEDIR.TAG`, which uv adds, are about checkouts and backups.
//!
//! One thing it has that others have not: where `PYTHONUSERBASE` is set, Python finds in it what a user has installed, behind
//! the environment's own. A virtual environment shuts that out together with the system's packages; but here it is not
//! somebody's project, it is the image's Python, whose users cannot write into it.

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, PartId, Role};

use crate::Layout;

/// What Python runs each time that it reads the environment's folder of modules: when it reads it first, it has not decided yet,
/// and when it reads it again, at the end, it has decided against the user's folder
/// (<https://github.com/python/cpython/blob/3.13/Lib/site.py>, `venv` and `main`).
///
/// The folder named by `PYTHONUSERBASE` alone: what is in `~/.local` is of other Pythons and other images. `python -s` and
/// `PYTHONNOUSERSITE` leave it out, as always.
const USER_SITE: &str = "import os, site; site.ENABLE_USER_SITE = bool(os.environ.get('PYTHONUSERBASE')) and site.check_enableusersite(); site.addusersitepackages(None)\n";

/// The virtual environment of `layout` for the interpreter `/usr/bin/python3.11` (`interpreter`) of the whole version
/// `version`, such as `3.11.2`. `mtime` is the time of its files.
///
/// # Errors
///
/// When a path is too long.
pub fn virtual_environment(
    layout: &Layout,
    interpreter: &ImagePath,
    version: &str,
    mtime: i64,
) -> Result<Files, PathError> {
    let home = interpreter.parent().map(|home| home.to_string()).unwrap_or_else(|| "/".to_owned());
    // Not `false`: Python takes it in the same way, and `pip install --user` takes `false` for an environment that sees no user's
    // packages.
    let settings = format!(
        "home = {home}\ninclude-system-site-packages = no\nversion = {version}\nexecutable = {interpreter}\n"
    );
    let link = |target: &str| Content::Symlink { target: target.to_owned() };
    let contents = [
        ("pyvenv.cfg".to_owned(), Content::File { bytes: settings.into_bytes(), mode: 0o644 }),
        ("bin/python".to_owned(), link(&interpreter.to_string())),
        ("bin/python3".to_owned(), link("python")),
        (format!("bin/python3.{}", layout.minor), link("python")),
        ("lib64".to_owned(), link("lib")),
    ];
    let contents = contents.into_iter().map(|(path, content)| Ok((layout.prefix.join(&path)?, content)));
    let user_site = Content::File { bytes: USER_SITE.as_bytes().to_vec(), mode: 0o644 };
    let contents = contents.chain([Ok((layout.site_packages.join("imgbuild-user-site.pth")?, user_site))]);
    Ok(Files::new(
        PartId::new("pypi", "virtual environment"),
        format!("virtual environment {}", layout.prefix),
        Role::INTERPRETER,
        Some(layout.prefix.clone()),
        contents.collect::<Result<_, PathError>>()?,
        Owner::ROOT,
        mtime,
    ))
}
