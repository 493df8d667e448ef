//! Maintainer scripts, and what they would do: by a table, or because they are of debhelper's making and plain.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use imgbuild_layer::KeyHasher;
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::package::control::Control;
use crate::package::effects::{Alternative, Effect};

/// What runs when a package is installed for the first time, in that order.
const INSTALLING: [&str; 3] = ["config", "preinst", "postinst"];

/// All that makes up the hash of a package's scripts.
const ALL: [&str; 6] = ["config", "preinst", "postinst", "prerm", "postrm", "triggers"];

/// The maintainer scripts of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts {
    package: String,
    version: String,
    files: BTreeMap<String, String>,
}

/// A package whose scripts do more than is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the maintainer scripts ({}) of the package `{package}` {version} do more than imgbuild reproduces\n  {}",
    scripts.join(", "), lines.join("\n  ")
)]
pub struct UnknownScripts {
    /// The package.
    pub package: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// The scripts, such as `postinst`.
    pub scripts: Vec<String>,
    /// The first lines that are not known.
    pub lines: Vec<String>,
    /// What would be the key of the table, see [`Scripts::residue`].
    pub residue: Digest,
}

/// The table: what scripts do that are known by a hash of what debhelper did not write of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    known: Vec<KnownScripts>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownScripts {
    package: String,
    scripts: Vec<String>,
    #[serde(default)]
    effects: Vec<Effect>,
}

static TABLE: LazyLock<Result<Table, toml::de::Error>> =
    LazyLock::new(|| toml::from_str(include_str!("scripts.toml")));

impl Scripts {
    pub(crate) fn new(control: &Control) -> Self {
        let file = |name: &'static str| Some((name.to_owned(), control.text(name)?));
        Self {
            package: control.field("Package").to_owned(),
            version: control.field("Version").to_owned(),
            files: ALL.into_iter().filter_map(file).collect(),
        }
    }

    /// A hash of all scripts and of the triggers; nothing where there are none.
    pub fn digest(&self) -> Option<Digest> {
        if self.files.is_empty() {
            return None;
        }
        let hasher = KeyHasher::new("maintainer scripts");
        Some(self.files.iter().fold(hasher, |hasher, (name, text)| hasher.field(name, text)).finish())
    }

    /// A hash of what the scripts do at a first installation beside what debhelper wrote and is understood: the key of the
    /// table.
    pub fn residue(&self) -> Digest {
        let hasher = KeyHasher::new("residue of maintainer scripts");
        let residues = INSTALLING.iter().filter_map(|name| {
            let stripped = strip(self.files.get(*name)?);
            Some((name, [stripped.residue, stripped.unknown].concat()))
        });
        residues.fold(hasher, |hasher, (name, residue)| hasher.field(name, residue.join("\n"))).finish()
    }

    /// What the scripts do at a first installation.
    pub(crate) fn effects(&self) -> Result<Vec<Effect>, UnknownScripts> {
        let mut effects = Vec::new();
        let mut unknown = Vec::new();
        let mut scripts = Vec::new();
        let known = self.known();
        effects.extend(known.into_iter().flatten().cloned());
        for name in INSTALLING {
            let Some(text) = self.files.get(name) else { continue };
            let stripped = strip(text);
            effects.extend(stripped.effects);
            if known.is_some() {
                continue;
            }
            let mut lines = stripped.unknown;
            let (found, left) = interpret(&stripped.residue);
            effects.extend(found);
            lines.extend(left);
            if !lines.is_empty() {
                scripts.push(name.to_owned());
                unknown.extend(lines);
            }
        }
        if scripts.is_empty() {
            return Ok(effects);
        }
        unknown.truncate(5);
        Err(UnknownScripts {
            package: self.package.as_str().into(),
            version: self.version.as_str().into(),
            scripts,
            lines: unknown,
            residue: self.residue(),
        })
    }

    /// Whether the scripts are known or plain.
    ///
    /// # Errors
    ///
    /// When they do more than is known here.
    pub fn check(&self) -> Result<(), UnknownScripts> {
        self.effects().map(|_| ())
    }

    fn known(&self) -> Option<&'static [Effect]> {
        // That the table is readable is shown by a test; a package would else be unknown.
        let table = TABLE.as_ref().ok()?;
        let residue = self.residue().hex();
        let matches = |it: &&KnownScripts| it.package == self.package && it.scripts.contains(&residue);
        table.known.iter().find(matches).map(|it| it.effects.as_slice())
    }
}

/// A script without what debhelper wrote into it.
#[derive(Debug, Default)]
struct OwnScript {
    residue: Vec<String>,
    effects: Vec<Effect>,
    /// What debhelper wrote and is not understood.
    unknown: Vec<String>,
}

/// What debhelper's tools add that does nothing at a first installation, in a system without systemd running.
const WITHOUT_EFFECT: [&str; 24] = [
    "dh_bash-completion",
    "dh_icons",
    "dh_installcatalogs",
    "dh_installdeb",
    "dh_installemacsen",
    "dh_installfonts",
    "dh_installinfo",
    "dh_installmenu",
    "dh_installmime",
    "dh_installmodules",
    "dh_installtmpfiles",
    "dh_installudev",
    "dh_makeshlibs",
    "dh_movetousr",
    "dh_perl",
    "dh_pypy",
    "dh_python2",
    "dh_python3",
    "dh_scour",
    "dh_strip",
    "dh_systemd_start",
    "dh_usrlocal",
    "dh_vim-addon",
    "dh_lintian",
];

fn strip(text: &str) -> OwnScript {
    let mut stripped = OwnScript::default();
    let mut block: Option<(String, Vec<String>)> = None;
    for line in joined(text) {
        if let Some(tool) = line.strip_prefix("# Automatically added by ") {
            block = Some((tool.split('/').next().unwrap_or(tool).to_owned(), Vec::new()));
        } else if line.starts_with("# End automatically added section") {
            if let Some((tool, lines)) = block.take() {
                stripped.block(&tool, &lines);
            }
        } else if line.is_empty() || line.starts_with('#') {
        } else if let Some((_, lines)) = &mut block {
            lines.push(line);
        } else {
            stripped.residue.push(line);
        }
    }
    stripped
}

impl OwnScript {
    fn block(&mut self, tool: &str, lines: &[String]) {
        let quoted = |line: &str, command: &str| {
            let argument = line.split_once(command)?.1.trim_start();
            let argument = argument.split([' ', ';', '>']).next()?;
            Some(argument.trim_matches(['\'', '"']).to_owned())
        };
        match tool {
            "dh_installsystemd" | "dh_systemd_enable" => {
                // A unit that only stays enabled where it was is recorded, and not enabled.
                let recorded = lines.iter().any(|line| line.contains("deb-systemd-helper debian-installed "));
                let (command, effect): (_, fn(String) -> Effect) = match recorded {
                    true => ("deb-systemd-helper update-state ", Effect::RecordUnit),
                    false => ("deb-systemd-helper enable ", Effect::EnableUnit),
                };
                let units = lines.iter().filter_map(|line| quoted(line, command));
                self.effects.extend(units.map(effect));
            }
            "dh_installsystemduser" => {
                let enabled =
                    lines.iter().filter_map(|line| quoted(line, "deb-systemd-helper --user enable "));
                self.effects.extend(enabled.map(Effect::EnableUserUnit));
            }
            "dh_installinit" => {
                for line in lines.iter().filter(|line| line.contains("update-rc.d ")) {
                    match quoted(line, "update-rc.d ").filter(|_| line.contains(" defaults")) {
                        Some(name) => self.effects.push(Effect::InitScript(name)),
                        None => self.unknown.push(line.clone()),
                    }
                }
            }
            "dh_installalternatives" => {
                let (effects, unknown) = interpret(lines);
                self.effects.extend(effects);
                self.unknown.extend(unknown);
            }
            tool if WITHOUT_EFFECT.contains(&tool) => {}
            _ => self.unknown.extend(lines.iter().map(|line| format!("{tool}: {line}"))),
        }
    }
}

/// The lines of a script, without blanks around them; those that go on behind a backslash as one.
fn joined(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        match line.strip_suffix('\\').filter(|_| !line.starts_with('#')) {
            Some(start) => {
                open.push_str(start.trim_end());
                open.push(' ');
            }
            None => {
                open.push_str(line);
                lines.push(std::mem::take(&mut open).trim().to_owned());
            }
        }
    }
    if !open.is_empty() {
        lines.push(open.trim().to_owned());
    }
    lines
}

/// Reads what is left of a script as far as it is a skeleton without effect, or calls `update-alternatives`.
/// The other lines are given back.
fn interpret(lines: &[String]) -> (Vec<Effect>, Vec<String>) {
    let mut effects = Vec::new();
    let mut unknown = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if is_for_upgrades(line)
            && let Some(end) = end_of_if(lines, at)
        {
            at = end;
            continue;
        }
        let command = line.strip_suffix("|| true").unwrap_or(line).trim().trim_end_matches(';').trim_end();
        let words: Vec<&str> = command.split_whitespace().collect();
        if words.first() == Some(&"update-alternatives") {
            match Alternative::read(&words[1..]) {
                Some(alternative) => effects.push(Effect::Alternative(alternative)),
                None => unknown.push(line.clone()),
            }
        } else if !is_skeleton(command) {
            unknown.push(line.clone());
        }
    }
    (effects, unknown)
}

/// A condition that does not hold at a first installation, when there is no earlier version.
fn is_for_upgrades(line: &str) -> bool {
    let upgrade = ["= upgrade", "= \"upgrade\"", "= 'upgrade'"].iter().any(|it| line.contains(it));
    line.starts_with("if ")
        && !line.contains("||")
        && !line.contains(" -o ")
        && !line.contains('!')
        && (line.contains("[ -n \"$2\" ]")
            || line.contains("-a -n \"$2\"")
            || line.contains(" lt-nl ")
            || line.contains(" le-nl ")
            || upgrade)
}

/// The line behind the `fi` of the `if` that was just read; nothing where it has an `else`.
fn end_of_if(lines: &[String], start: usize) -> Option<usize> {
    let mut depth = 1;
    if lines.get(start.checked_sub(1)?)?.ends_with(" fi") {
        return Some(start);
    }
    for (index, line) in lines.iter().enumerate().skip(start) {
        if line.starts_with("if ") && !line.ends_with(" fi") {
            depth += 1;
        }
        if depth == 1 && (line == "else" || line.starts_with("elif ")) {
            return None;
        }
        if line == "fi" || line == "fi;" {
            depth -= 1;
            if depth == 0 {
                return Some(index + 1);
            }
        }
    }
    None
}

/// A line without effect: options, the ends of blocks, tests of the script's own arguments, refusals of wrong ones.
fn is_skeleton(line: &str) -> bool {
    const PLAIN: [&str; 18] = [
        "set -e", "set -eu", "set -u", "exit 0", "exit 1", ":", "true", ";;", "esac", "fi", "done", "",
        "then", "else", "set -e;", "return 0", "{", "}",
    ];
    const ACTIONS: [&str; 12] = [
        "configure",
        "abort-upgrade",
        "abort-remove",
        "abort-deconfigure",
        "install",
        "upgrade",
        "triggered",
        "*",
        "reconfigure",
        "remove",
        "purge",
        "disappear",
    ];
    if PLAIN.contains(&line) {
        return true;
    }
    if line.starts_with("case \"$1\" in") || line.starts_with("case $1 in") {
        return true;
    }
    if let Some(pattern) = line.strip_suffix(";;").map(str::trim).unwrap_or(line).strip_suffix(')') {
        return pattern
            .trim_start_matches('(')
            .split('|')
            .all(|it| ACTIONS.contains(&it.trim().trim_matches('"')));
    }
    if let Some(condition) = line.strip_prefix("if ").and_then(|it| it.strip_suffix("then")) {
        let bare = condition.trim().trim_end_matches(';').trim_end();
        let tests = bare.split("||").all(|test| {
            let test = test.trim();
            let inner = test.strip_prefix('[').and_then(|it| it.strip_suffix(']')).map(str::trim);
            inner
                .is_some_and(|it| (it.starts_with("\"$1\" =") || it.starts_with("$1 =")) && !it.contains('`'))
        });
        return tests;
    }
    (line.starts_with("echo ") || line.starts_with("printf "))
        && (line.ends_with(">&2") || line.ends_with("1>&2"))
        && line.contains("called with unknown argument")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(postinst: &str) -> Scripts {
        let files = BTreeMap::from([("postinst".to_owned(), postinst.to_owned())]);
        Scripts { package: "example".to_owned(), version: "1".to_owned(), files }
    }

    #[test]
    fn the_table_is_readable() {
        let table = TABLE.as_ref().unwrap();
        for known in &table.known {
            for hash in &known.scripts {
                assert!(Digest::from_hex(hash).is_ok(), "{}: {hash}", known.package);
            }
        }
    }

    #[test]
    fn a_plain_script_is_understood() {
        let text = "#!/bin/sh\nset -e\ncase \"$1\" in\n  configure)\n    update-alternatives --install /usr/bin/x x \\\n      /usr/bin/y 30 \\\n      --slave /m/x.1.gz x.1.gz /m/y.1.gz\n    ;;\n  abort-upgrade|abort-remove) ;;\n  *)\n    echo \"postinst called with unknown argument \\`$1'\" >&2\n    exit 1\n    ;;\nesac\nif [ \"$1\" = configure ] && [ -n \"$2\" ]; then\n  rm -rf /old\nfi\n# Automatically added by dh_installsystemd/13\n\tdeb-systemd-helper enable 'x.timer' >/dev/null || true\n# End automatically added section\nexit 0\n";
        let effects = scripts(text).effects().unwrap();
        assert_eq!(effects.len(), 2, "{effects:?}");
        assert_eq!(effects[0], Effect::EnableUnit("x.timer".to_owned()));
        let Effect::Alternative(alternative) = &effects[1] else { panic!("{effects:?}") };
        assert_eq!((alternative.priority, alternative.slaves.len()), (30, 1));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let error = scripts("#!/bin/sh\nset -e\nadduser --system x\n").effects().unwrap_err();
        insta::assert_snapshot!(error, @r"
        the maintainer scripts (postinst) of the package `example` 1 do more than imgbuild reproduces
          adduser --system x
        ");
    }

    #[test]
    fn an_alternative_with_a_variable_is_not_guessed_at() {
        assert!(scripts("update-alternatives --install /usr/bin/x x $path 3\n").effects().is_err());
        assert!(scripts("if [ \"$1\" = upgrade ]; then\n x\nelse\n y\nfi\n").effects().is_err());
        assert!(scripts("if [ \"$1\" != upgrade ]; then\n x\nfi\n").effects().is_err());
    }
}
