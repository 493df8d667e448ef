//! `pyvenv.cfg`: what a virtual environment is one of ([PEP 405](https://peps.python.org/pep-0405/)).

use imgbuild_archive::ImagePath;

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// The folder of the interpreter's program.
    pub(super) home: ImagePath,
    /// Whether the interpreter's own modules are seen in it.
    pub(super) sees_all: bool,
}

impl Settings {
    /// Reads it as Python does; nothing where it names no folder.
    pub(super) fn read(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let found = lines.rfind(|(key, _)| key.trim().eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim())
        };
        let sees_all =
            value("include-system-site-packages").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        Some(Self { home: ImagePath::from_absolute(value("home")?).ok()?, sees_all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_python_reads_them() {
        let read = |text: &str| Settings::read(text).map(|it| (it.home.to_string(), it.sees_all));
        assert_eq!(
            read("home = /usr/bin\ninclude-system-site-packages = True\nversion = 3.11.2\n"),
            Some(("/usr/bin".to_owned(), true))
        );
        assert_eq!(
            read("HOME=/opt/x/bin\ninclude-system-site-packages = no\n"),
            Some(("/opt/x/bin".to_owned(), false))
        );
        for text in ["", "home", "home = bin\n", "home = /a/../b\n", "home = \n", "version = 3.11\n"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
