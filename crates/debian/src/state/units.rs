//! Services that scripts enable: systemd's units as `deb-systemd-helper` does, init scripts as `update-rc.d` does.

use super::StateError;
use super::read::ReadPackage;
use super::tree::Tree;

/// Whose units they are: the system's, or every user's.
#[derive(Clone, Copy)]
struct Manager {
    /// Where packages have units.
    units: &'static str,
    /// Where the links are.
    links: &'static str,
    /// Where the helper records them.
    state: &'static str,
}

const SYSTEM: Manager = Manager {
    units: "/lib/systemd/system",
    links: "/etc/systemd/system",
    state: "/var/lib/systemd/deb-systemd-helper-enabled",
};

const USER: Manager = Manager {
    units: "/lib/systemd/user",
    links: "/etc/systemd/user",
    state: "/var/lib/systemd/deb-systemd-user-helper-enabled",
};

impl Manager {
    /// The links that a unit's `[Install]` asks for, in the helper's order.
    fn wanted(self, package: &ReadPackage, unit: &str) -> Result<Vec<String>, StateError> {
        let (_, bytes) = package.file(&format!("{}/{unit}", self.units))?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (mut links, mut aliases) = (Vec::new(), Vec::new());
        let install = text.lines().skip_while(|line| line.trim() != "[Install]").skip(1);
        for line in install.take_while(|line| !line.starts_with('[')) {
            let Some((key, value)) = line.split_once('=') else { continue };
            for word in value.split_whitespace() {
                match key.trim() {
                    "WantedBy" => links.push(format!("{word}.wants/{unit}")),
                    "RequiredBy" => links.push(format!("{word}.requires/{unit}")),
                    "Alias" => aliases.push(word.to_owned()),
                    _ => {}
                }
            }
        }
        Ok([aliases, links].concat())
    }

    fn record(self, unit: &str, links: &[String], tree: &mut Tree) {
        let record: String = links.iter().map(|link| format!("{}/{link}\n", self.links)).collect();
        tree.file(&format!("{}/{unit}.dsh-also", self.state), 0o644, "root", record.as_bytes());
    }

    fn enable(self, package: &ReadPackage, unit: &str, tree: &mut Tree) -> Result<(), StateError> {
        let links = self.wanted(package, unit)?;
        for link in &links {
            tree.link(&format!("{}/{link}", self.links), &format!("{}/{unit}", self.units));
            tree.file(&format!("{}/{link}", self.state), 0o644, "root", b"");
        }
        self.record(unit, &links, tree);
        Ok(())
    }
}

/// `deb-systemd-helper enable`: the links that the unit's `[Install]` asks for, and the helper's record of them.
pub(crate) fn enable(package: &ReadPackage, unit: &str, tree: &mut Tree) -> Result<(), StateError> {
    SYSTEM.enable(package, unit, tree)
}

/// The same for a unit of every user.
pub(crate) fn enable_user(package: &ReadPackage, unit: &str, tree: &mut Tree) -> Result<(), StateError> {
    USER.enable(package, unit, tree)
}

/// `deb-systemd-helper update-state`: only the record.
pub(crate) fn record(package: &ReadPackage, unit: &str, tree: &mut Tree) -> Result<(), StateError> {
    SYSTEM.record(unit, &SYSTEM.wanted(package, unit)?, tree);
    Ok(())
}

/// `update-rc.d NAME defaults` without `insserv`: the links that the script's LSB header asks for.
pub(crate) fn init_script(package: &ReadPackage, name: &str, tree: &mut Tree) -> Result<(), StateError> {
    let (_, bytes) = package.file(&format!("/etc/init.d/{name}"))?;
    let text = String::from_utf8_lossy(bytes).into_owned();
    for (key, prefix) in [("# Default-Start:", "S01"), ("# Default-Stop:", "K01")] {
        let levels = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("");
        for level in levels.split_whitespace() {
            tree.link(&format!("/etc/rc{level}.d/{prefix}{name}"), &format!("../init.d/{name}"));
        }
    }
    Ok(())
}
