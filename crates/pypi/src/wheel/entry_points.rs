//! Entry points: the commands that a wheel asks its installer to write.
//!
//! `entry_points.txt` is untrusted: its names become files' names and its objects become Python code. So names are
//! checked to be one component, and objects to be identifiers, before either is used.

use std::collections::BTreeMap;
use std::fmt;

use crate::wheel::shebang::shebang;

/// A command: its name, and the object that it calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPoint {
    /// The name of the script.
    pub name: String,
    /// The module that is imported, such as `jupyterlab.labapp`.
    pub module: String,
    /// The attribute of it that is called, such as `main` or `App.launch`.
    pub object: String,
}

/// The commands of a wheel, sorted by name. On Linux those with a graphical interface are commands like the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryPoints(Vec<EntryPoint>);

/// Why entry points cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryPointError {
    /// A line is neither a section nor a name and a value.
    #[error("line {line} of its `entry_points.txt` is neither a section nor a name and a value")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// A name that no file in `bin` may have.
    #[error("its entry point `{}` has a name that no command may have", .0.escape_default())]
    Name(String),
    /// A name that would take the place of an interpreter.
    #[error("its entry point `{0}` would take the place of the interpreter")]
    Reserved(String),
    /// A value that is no module and object.
    #[error("its entry point `{name}` is `{}`, which is not a module and an object", value.escape_default())]
    Object {
        /// The name.
        name: String,
        /// The value.
        value: String,
    },
    /// One name for two commands.
    #[error("it has the entry point `{0}` twice")]
    Twice(String),
}

/// Whether a name would hide an interpreter: `python`, `python3`, `python3.11`, `pythonw`.
pub(crate) fn is_interpreter(name: &str) -> bool {
    let Some(version) = name.strip_prefix("python") else { return false };
    version == "w" || version.is_empty() || version == "3" || {
        version.strip_prefix("3.").is_some_and(|minor| minor.bytes().all(|it| it.is_ascii_digit()))
    }
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|it| it == '_' || it.is_alphabetic())
        && chars.all(|it| it == '_' || it.is_alphanumeric())
}

impl EntryPoint {
    fn read(name: &str, value: &str) -> Result<Self, EntryPointError> {
        let plain = !name.is_empty() && name != "." && name != ".." && name.len() <= 255;
        if !plain || name.starts_with('[') || name.contains(['/', '\\']) || name.chars().any(char::is_control)
        {
            return Err(EntryPointError::Name(name.to_owned()));
        }
        if is_interpreter(name) {
            return Err(EntryPointError::Reserved(name.to_owned()));
        }
        let wrong = || EntryPointError::Object { name: name.to_owned(), value: value.to_owned() };
        // Extras behind the object are history: they are accepted and ignored.
        let object = match value.split_once('[') {
            Some((object, extras)) if extras.trim_end().ends_with(']') => object,
            Some(_) => return Err(wrong()),
            None => value,
        };
        let (module, object) = object.split_once(':').ok_or_else(wrong)?;
        let (module, object) = (module.trim(), object.trim());
        if ![module, object].iter().all(|it| it.split('.').all(is_identifier)) {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), module: module.to_owned(), object: object.to_owned() })
    }

    /// The script that runs it: what uv and pip write, byte by byte, so that tools that look for it find it.
    pub(crate) fn script(&self, interpreter: &str) -> String {
        let import = self.object.split('.').next().unwrap_or_default();
        [
            shebang(interpreter).as_str(),
            "# -*- coding: utf-8 -*-",
            "import sys",
            &format!("from {} import {import}", self.module),
            "if __name__ == \"__main__\":",
            "    if sys.argv[0].endswith(\"-script.pyw\"):",
            "        sys.argv[0] = sys.argv[0][:-11]",
            "    elif sys.argv[0].endswith(\".exe\"):",
            "        sys.argv[0] = sys.argv[0][:-4]",
            &format!("    sys.exit({}())", self.object),
            "",
        ]
        .join("\n")
    }
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}:{}", self.name, self.module, self.object)
    }
}

impl EntryPoints {
    /// Reads the commands in the text of an `entry_points.txt`; other sections are for programs that look for plugins.
    ///
    /// # Errors
    ///
    /// When it is damaged, or a command is not one that may be written.
    pub fn read(text: &str) -> Result<Self, EntryPointError> {
        let mut section = "";
        let mut found = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                section = name.trim();
                continue;
            }
            if !matches!(section, "console_scripts" | "gui_scripts") {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(EntryPointError::Line { line: index + 1 })?;
            let entry_point = EntryPoint::read(name.trim(), value.trim())?;
            if let Some(first) = found.insert(entry_point.name.clone(), entry_point) {
                return Err(EntryPointError::Twice(first.name));
            }
        }
        Ok(Self(found.into_values().collect()))
    }

    /// As the wheel has them, sorted by name.
    pub fn as_slice(&self) -> &[EntryPoint] {
        &self.0
    }

    /// What is installed for Python 3 of a minor version. pip's wheels name a script after the Python that they were
    /// made with; installers name it after the one that is there.
    pub(crate) fn installed(&self, minor: u8) -> Vec<EntryPoint> {
        let versioned =
            |it: &EntryPoint| it.name.strip_prefix("pip3.").is_some_and(|minor| minor.parse::<u8>().is_ok());
        let mut installed: Vec<_> = self.0.iter().filter(|it| !versioned(it)).cloned().collect();
        if let Some(pip) = installed.iter().find(|it| it.name == "pip3").cloned() {
            installed.push(EntryPoint { name: format!("pip3.{minor}"), ..pip });
            installed.sort();
        }
        installed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        EntryPoints::read(text).unwrap().as_slice().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_are_read_and_plugins_are_not() {
        let text = "; a comment\n[pytest11]\nplugin = some-thing\nnonsense\n[console_scripts]\r\n  b = m.n : f.g [x, y]\r\n# no\na=m:f\n\n[gui_scripts]\nc d = ä:ö\n";
        assert_eq!(shown(text), ["a = m:f", "b = m.n:f.g", "c d = ä:ö"]);
        assert!(shown("").is_empty());
    }

    #[test]
    fn hostile_commands_are_refused() {
        let refused = |line: &str| EntryPoints::read(&format!("[console_scripts]\n{line}\n")).unwrap_err();
        let shown = |line: &str| refused(line).to_string();
        let name = |name: &str| format!("its entry point `{name}` has a name that no command may have");
        assert_eq!(shown("../../etc/x = m:f"), name("../../etc/x"));
        assert_eq!(shown(".. = m:f"), name(".."));
        assert_eq!(shown("= m:f"), name(""));
        assert_eq!(shown("a\tb = m:f"), name("a\\tb"));
        for interpreter in ["python", "python3", "python3.11", "pythonw"] {
            let expected = format!("its entry point `{interpreter}` would take the place of the interpreter");
            assert_eq!(shown(&format!("{interpreter} = m:f")), expected);
        }
        for object in
            ["m", "m:", ":f", "m;import os:f", "m:f()", "m:f [x", "m: f\u{b}g", "1m:f", "m..n:f", "m:f:g"]
        {
            assert!(matches!(refused(&format!("a = {object}")), EntryPointError::Object { .. }), "{object}");
        }
        assert_eq!(
            shown("a = m; import os"),
            "its entry point `a` is `m; import os`, which is not a module and an object"
        );
        assert_eq!(shown("a = m:f\n[gui_scripts]\na = m:g"), "it has the entry point `a` twice");
        assert_eq!(
            shown("a"),
            "line 2 of its `entry_points.txt` is neither a section nor a name and a value"
        );
    }

    #[test]
    fn pip_is_named_after_the_python_that_is_there() {
        let pip = EntryPoints::read("[console_scripts]\npip=p:m\npip3=p:m\npip3.9=p:m\nx3.9=p:m\n").unwrap();
        let names: Vec<_> = pip.installed(11).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["pip", "pip3", "pip3.11", "x3.9"]);
    }
}
