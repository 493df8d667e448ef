//! Paths: in the image, in the spec's folder, and the prefix that conda's packages are written for.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use imgbuild_document::{ValueError, as_text, checked_text, printable};

checked_text!(
    /// A path in the image: absolute, with no `.`, `..`, doubled or trailing slash.
    AbsolutePath, check_image, String
);

checked_text!(
    /// The folder that the conda environment is installed in.
    ///
    /// At most 255 bytes, the length of conda's placeholder, which the prefix replaces in binaries.
    Prefix, check_prefix, String
);

checked_text!(
    /// The home of the image's user: a folder of its own.
    Home, check_home, String
);

checked_text!(
    /// A program that a line of `/etc/passwd` can name.
    Shell, check_shell, String
);

checked_text!(
    /// A path below the spec's folder: relative, and never leaving it.
    ContextPath, check_context, String
);

impl ContextPath {
    /// The path, to be joined to the spec's folder.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Home {
    /// The usual home of a user.
    pub(crate) fn of(name: &super::UserName) -> Self {
        Self(format!("/home/{}", name.as_str()))
    }
}

impl Prefix {
    /// The folder of an environment below its `envs`.
    ///
    /// # Errors
    ///
    /// When its path is too long.
    pub(crate) fn environment(
        &self,
        name: &imgbuild_environment::EnvironmentName,
    ) -> Result<Self, ValueError> {
        format!("{}/envs/{name}", self.0).parse()
    }
}

impl Default for Shell {
    fn default() -> Self {
        Self("/bin/bash".to_owned())
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("/opt/conda".to_owned())
    }
}

/// The permission bits of copied files, of nine bits and the setuid, setgid and sticky bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u16);

impl Mode {
    /// The bits, at most `0o7777`.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl FromStr for Mode {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let error = || {
            ValueError::new(format!("`{text}` is not a mode"))
                .hint("write three or four octal digits as a string, like `\"0644\"`")
        };
        if !octal {
            return Err(error());
        }
        u16::from_str_radix(text, 8).map(Self).map_err(|_| error())
    }
}

as_text!(Mode, String);

/// The parts of an absolute path, as they are after normalising; nothing where it climbs above `/`.
fn normal(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

fn check_image(text: &str) -> Result<(), ValueError> {
    let error = |rule: &str| {
        ValueError::new(format!("`{}` is not a path in the image: {rule}", text.escape_default()))
    };
    if !printable(text) {
        return Err(error("it is empty or holds control characters"));
    }
    if !text.starts_with('/') {
        return Err(
            error("it does not begin with `/`").hint("write it from the image's root, like `/workspace`")
        );
    }
    match normal(text) {
        Some(normal) if normal == text => Ok(()),
        Some(normal) => Err(error("it is not in its shortest form").hint(format!("write `{normal}`"))),
        None => Err(error("it leads out of the image")),
    }
}

/// Folders that belong to the system as such: a prefix may be in some of them, but none of them is one.
const SYSTEM: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
];

/// Folders in which nothing of an image lasts, or which are links into `/usr` or `/run`.
const CLOSED: &[&str] = &[
    "/bin/",
    "/boot/",
    "/dev/",
    "/etc/",
    "/lib/",
    "/lib64/",
    "/proc/",
    "/run/",
    "/sbin/",
    "/sys/",
    "/tmp/",
    "/var/lock/",
    "/var/run/",
];

fn check_prefix(text: &str) -> Result<(), ValueError> {
    let error = |rule: &str| {
        ValueError::new(format!("`{}` cannot be the prefix: {rule}", text.escape_default()))
            .hint("the default is `/opt/conda`")
    };
    check_image(text)?;
    if text.len() > 255 {
        return Err(error("it is longer than the 255 bytes that packages keep free for it"));
    }
    check_own_folder(text, error)
}

fn check_home(text: &str) -> Result<(), ValueError> {
    check_image(text)?;
    check_own_folder(text, |rule| {
        ValueError::new(format!("`{}` cannot be the home of the image's user: {rule}", text.escape_default()))
            .hint("the default is `/home` with the user's name, for example `/home/jovyan`")
    })
}

fn check_shell(text: &str) -> Result<(), ValueError> {
    check_image(text)?;
    if text == "/" || text.contains(':') {
        let error = ValueError::new(format!("`{}` cannot be a shell", text.escape_default()));
        return Err(error.hint("`/etc/passwd` names it between colons, for example `/bin/bash`"));
    }
    Ok(())
}

/// A folder that belongs to one thing alone, and whose name `PATH`, scripts and `/etc/passwd` can hold.
fn check_own_folder(text: &str, error: impl Fn(&str) -> ValueError) -> Result<(), ValueError> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b":\"'\\$`#!*?;&|<>(){}[]".contains(&byte)) {
        return Err(error("it holds characters that scripts and `PATH` cannot carry"));
    }
    if SYSTEM.contains(&text) {
        return Err(error("it is a folder of the system"));
    }
    if CLOSED.iter().any(|folder| text.starts_with(folder)) {
        return Err(error("it is inside a folder of the system"));
    }
    Ok(())
}

fn check_context(text: &str) -> Result<(), ValueError> {
    let shown = text.escape_default();
    let error = |rule: &str| ValueError::new(format!("`{shown}` cannot be copied: {rule}"));
    if !printable(text) {
        return Err(error("it is empty or holds control characters"));
    }
    if text.starts_with('/') {
        return Err(error("it is an absolute path").hint("write it relative to the spec's folder"));
    }
    if normal(&format!("/{text}")).is_none() || text.split('/').any(|part| part == "..") {
        return Err(error("it leads out of the spec's folder").hint("copy it into the spec's folder first"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_image_are_absolute_and_normal() {
        for good in ["/", "/a", "/workspace/src", "/a b/é"] {
            assert!(good.parse::<AbsolutePath>().is_ok(), "{good}");
        }
        for bad in ["", "a", "/a/", "//a", "/a/./b", "/a/../b", "/..", "/a\n"] {
            assert!(bad.parse::<AbsolutePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_is_a_folder_of_its_own() {
        for good in ["/opt/conda", "/usr/local/conda", "/srv/envs/vision", "/home/jovyan/conda", "/conda"] {
            assert!(good.parse::<Prefix>().is_ok(), "{good}");
        }
        for bad in
            ["/", "/usr", "/etc", "/etc/conda", "/lib/conda", "opt", "/opt/a b", "/opt/../usr", "/opt/a:b"]
        {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
        assert!(format!("/{}", "a".repeat(254)).parse::<Prefix>().is_ok());
        assert!(format!("/{}", "a".repeat(255)).parse::<Prefix>().is_err());
    }

    #[test]
    fn what_is_copied_stays_inside_the_folder() {
        for good in [".", "src", "./src", "a/b.txt", "a..b"] {
            assert!(good.parse::<ContextPath>().is_ok(), "{good}");
        }
        for bad in ["", "/src", "..", "../src", "a/../../b", "a/.."] {
            assert!(bad.parse::<ContextPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!("644".parse::<Mode>().unwrap().bits(), 0o644);
        assert_eq!("0644".parse::<Mode>().unwrap().to_string(), "0644");
        for bad in ["", "64", "0o644", "00644", "888", "u+x", "+644"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
    }
}
