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

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, PartId, Role};
use imgbuild_lock::BasePython;
use imgbuild_python::{SEEN_FOLDER_FILE, seeing};

use crate::Layout;
use crate::wheel::shebang::shebang;

/// What Python runs each time that it reads the environment's folder of modules: when it reads it first, it has not decided yet,
/// and when it reads it again, at the end, it has decided against the user's folder
/// (<https://github.com/python/cpython/blob/3.13/Lib/site.py>, `venv` and `main`).
///
/// The folder named by `PYTHONUSERBASE` alone: what is in `~/.local` is of other Pythons and other images. `python -s` and
/// `PYTHONNOUSERSITE` leave it out, as always.
const USER_SITE: &str = "import os, site; site.ENABLE_USER_SITE = bool(os.environ.get('PYTHONUSERBASE')) and site.check_enableusersite(); site.addusersitepackages(None)\n";

/// The folder of commands, below an environment's.
const PROGRAMS: &str = "bin";

/// The virtual environment of `layout` for the interpreter `/usr/bin/python3.11` (`interpreter`) of the whole version
/// `version`, such as `3.11.2`, which sees nothing of what is installed for that. `mtime` is the time of its files.
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
    files(layout, contents(layout, interpreter, version, false)?, mtime)
}

/// The virtual environment of `layout` over the Python of an existing image, which sees what is installed for that.
///
/// Virtual environments do not nest. Where the image's Python is one, this is an environment of the same interpreter, and a line
/// that Python runs at its start adds that one's folder of modules behind its own, with the `.pth` files that are in it.
///
/// Of the image's commands pip is here too: started by its own script, it would change what belongs to the image.
///
/// # Errors
///
/// When a path is too long.
pub fn virtual_environment_over(
    layout: &Layout,
    python: &BasePython,
    mtime: i64,
) -> Result<Files, PathError> {
    let BasePython { version, program, system_site_packages, environment, has_pip } = python;
    let mut contents = contents(layout, program, version, *system_site_packages)?;
    if let Some(modules) = environment {
        contents.insert(layout.site_packages.join(SEEN_FOLDER_FILE)?, file(seeing(modules), 0o644));
    }
    if *has_pip {
        let first = shebang(&layout.interpreter.to_string());
        let text = format!(
            "{first}\n# Made by imgbuild: the pip of the base, for this environment.\nimport runpy\n\nrunpy.run_module(\"pip\", run_name=\"__main__\", alter_sys=True)\n"
        );
        for name in ["pip", "pip3"] {
            contents.insert(layout.prefix.join(&format!("{PROGRAMS}/{name}"))?, file(text.clone(), 0o755));
        }
    }
    files(layout, contents, mtime)
}

fn file(text: String, mode: u32) -> Content {
    Content::File { bytes: text.into_bytes(), mode }
}

/// What every environment has. `sees_all` says whether it sees what is installed for the interpreter.
fn contents(
    layout: &Layout,
    interpreter: &ImagePath,
    version: &str,
    sees_all: bool,
) -> Result<BTreeMap<ImagePath, Content>, PathError> {
    let home = interpreter.parent().map(|home| home.to_string()).unwrap_or_else(|| "/".to_owned());
    // Not `false`: Python takes it in the same way, and `pip install --user` takes `false` for an environment that sees no user's
    // packages.
    let sees = if sees_all { "true" } else { "no" };
    let settings = format!(
        "home = {home}\ninclude-system-site-packages = {sees}\nversion = {version}\nexecutable = {interpreter}\n"
    );
    let link = |target: &str| Content::Symlink { target: target.to_owned() };
    let contents = [
        ("pyvenv.cfg".to_owned(), file(settings, 0o644)),
        (format!("{PROGRAMS}/python"), link(&interpreter.to_string())),
        (format!("{PROGRAMS}/python3"), link("python")),
        (format!("{PROGRAMS}/python3.{}", layout.minor), link("python")),
        ("lib64".to_owned(), link("lib")),
    ];
    let contents = contents.into_iter().map(|(path, content)| Ok((layout.prefix.join(&path)?, content)));
    // One that sees all of the interpreter's sees what a user has installed too.
    let user_site = (!sees_all).then(|| {
        Ok((layout.site_packages.join("imgbuild-user-site.pth")?, file(USER_SITE.to_owned(), 0o644)))
    });
    contents.chain(user_site).collect()
}

fn files(layout: &Layout, contents: BTreeMap<ImagePath, Content>, mtime: i64) -> Result<Files, PathError> {
    Ok(Files::new(
        PartId::new("pypi", "virtual environment"),
        format!("virtual environment {}", layout.prefix),
        Role::INTERPRETER,
        Some(layout.prefix.clone()),
        contents,
        Owner::ROOT,
        mtime,
    ))
}
