//! Services that scripts enable: systemd's units as `deb-systemd-helper` does, init scripts as `update-rc.d` does.

use super::StateError;
use super::collect::Read;
use super::tree::Tree;

const STATE: &str = "/var/lib/systemd/deb-systemd-helper-enabled";

/// `deb-systemd-helper enable`: the links that the unit's `[Install]` asks for, and the helper's record of them.
pub(crate) fn enable(package: &Read, unit: &str, tree: &mut Tree) -> Result<(), StateError> {
    let target = format!("/lib/systemd/system/{unit}");
    let (_, bytes) = package.file(&target)?;
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut links = Vec::new();
    let install = text.lines().skip_while(|line| line.trim() != "[Install]").skip(1);
    for line in install.take_while(|line| !line.starts_with('[')) {
        let Some((key, value)) = line.split_once('=') else { continue };
        for word in value.split_whitespace() {
            match key.trim() {
                "WantedBy" => links.push(format!("{word}.wants/{unit}")),
                "RequiredBy" => links.push(format!("{word}.requires/{unit}")),
                "Alias" => links.push(word.to_owned()),
                _ => {}
            }
        }
    }
    let mut record = String::new();
    for link in &links {
        let path = format!("/etc/systemd/system/{link}");
        tree.link(&path, &target);
        tree.file(&format!("{STATE}/{link}"), 0o644, "root", b"");
        record.push_str(&format!("{path}\n"));
    }
    tree.file(&format!("{STATE}/{unit}.dsh-also"), 0o644, "root", record.as_bytes());
    Ok(())
}

/// `update-rc.d NAME defaults` without `insserv`: the links that the script's LSB header asks for.
pub(crate) fn init_script(package: &Read, name: &str, tree: &mut Tree) -> Result<(), StateError> {
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
