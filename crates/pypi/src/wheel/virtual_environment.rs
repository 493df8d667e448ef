//! A virtual environment, as a source: what makes wheels visible to an interpreter that is somewhere else.
//!
//! It is the least that `python -m venv --without-pip` makes and that is used: `pyvenv.cfg`, by which Python knows where
//! it is, and its names. `lib64` is there because some build systems install into it. There are no activation scripts: in
//! an image the environment is first on PATH for every process, which is all that they would do. `.gitignore` and
//! `CACHEDIR.TAG`, which uv adds, are about checkouts and backups.

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, PartId, Role};

use crate::Layout;

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
    let settings = format!(
        "home = {home}\ninclude-system-site-packages = false\nversion = {version}\nexecutable = {interpreter}\n"
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
