//! What apt and dpkg are told inside the image.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, PartId};
use imgbuild_lock::{DebianSet, LockedRepository};

use crate::role::BASE_STATE;

/// The keys that the package `debian-archive-keyring` brings, which apt depends on.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where keyrings belong that no package brings (`sources.list(5)`).
const KEYRINGS: &str = "/etc/apt/keyrings";

/// dpkg reads every file of that folder.
const DPKG_CONFIGURATION: &str = "/etc/dpkg/dpkg.cfg.d/imgbuild";

/// apt reads every file of that folder.
const APT_PREFERENCES: &str = "/etc/apt/preferences.d/imgbuild";

/// Above 1000 a version is taken even where a newer one is installed (`apt_preferences(5)`).
const PINNED: u32 = 1001;

/// Where apt takes packages from, which versions it keeps to, and what dpkg leaves out of them: files with the time `timestamp`, in seconds since
/// 1970.
///
/// They are a part of their own, because a base is the same from whatever mirror it was built, and only who builds the
/// image knows which one its users shall have. Nothing where the lock names none.
///
/// # Errors
///
/// When a name of the lock is none of a file.
pub fn apt_files(set: &DebianSet, timestamp: i64) -> Result<Option<Files>, PathError> {
    if !set.package_manager {
        return Ok(None);
    }
    let mut files = BTreeMap::new();
    let mut file = |path: &str, text: String| -> Result<(), PathError> {
        let content = Content::File { bytes: text.into_bytes(), mode: 0o644 };
        files.insert(ImagePath::from_absolute(path)?, content);
        Ok(())
    };
    if let (Some(main), Some(security)) = (&set.mirror, &set.security_mirror) {
        let signed_by = keyring_path("debian", set.keyring.as_deref());
        let suite = &set.suite;
        let components = set.components.join(" ");
        let main = stanza(main, &format!("{suite} {suite}-updates"), &components, &signed_by);
        let security = stanza(security, &format!("{suite}-security"), &components, &signed_by);
        file("/etc/apt/sources.list.d/debian.sources", format!("{main}\n{security}"))?;
        if let Some(keyring) = &set.keyring {
            file(&signed_by, keyring.clone())?;
        }
    }
    for LockedRepository { name, url, suite, components, keyring } in &set.repositories {
        let signed_by = keyring_path(name, keyring.as_deref());
        let text = stanza(url, suite, &components.join(" "), &signed_by);
        file(&format!("/etc/apt/sources.list.d/{name}.sources"), text)?;
        if let Some(keyring) = keyring {
            file(&signed_by, keyring.clone())?;
        }
    }
    if !set.path_rules.is_empty() {
        let lines = set.path_rules.iter().map(|rule| format!("{rule}\n"));
        let text =
            "# What the image was built without. Packages that are installed later keep to it.\n".to_owned();
        file(DPKG_CONFIGURATION, lines.fold(text, |text, line| text + &line))?;
    }
    if !set.pins.is_empty() {
        let pins = set.pins.iter().map(|(package, version)| {
            format!("Package: {package}\nPin: version {version}\nPin-Priority: {PINNED}\n")
        });
        file(APT_PREFERENCES, pins.collect::<Vec<_>>().join("\n"))?;
    }
    if files.is_empty() {
        return Ok(None);
    }
    let id = PartId::new("debian-state", "apt-sources");
    let title = "apt's and dpkg's configuration".to_owned();
    Ok(Some(Files::new(id, title, BASE_STATE, None, files, Owner::ROOT, timestamp)))
}

fn keyring_path(name: &str, keyring: Option<&str>) -> String {
    // apt tells armored text from packets by the end of the name.
    keyring.map_or_else(|| DEBIAN_KEYRING.to_owned(), |_| format!("{KEYRINGS}/{name}.asc"))
}

/// One source (`sources.list(5)`). A flat one has no components.
fn stanza(url: &str, suites: &str, components: &str, signed_by: &str) -> String {
    let mut text = format!("Types: deb\nURIs: {url}\nSuites: {suites}\n");
    if !components.is_empty() {
        // Writing into a string cannot fail.
        let _infallible = writeln!(text, "Components: {components}");
    }
    let _infallible = writeln!(text, "Signed-By: {signed_by}");
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::stanza::Stanza;

    proptest! {
        #[test]
        fn what_apt_is_told_is_read_back(words in prop::collection::vec("[!-~]{1,12}", 4)) {
            let [url, suites, components, signed_by] = &words[..] else { return Ok(()) };
            let text = format!("{}\n{}", stanza(url, suites, components, signed_by), stanza(url, "./", "", signed_by));
            let stanzas = Stanza::read_all(&text).unwrap();
            prop_assert_eq!(stanzas.len(), 2);
            let fields: Vec<(&str, &str)> = stanzas[0].fields().collect();
            let wanted = ["Types", "URIs", "Suites", "Components", "Signed-By"];
            prop_assert_eq!(fields.iter().map(|field| field.0).collect::<Vec<_>>(), wanted);
            let values = ["deb", url, suites, components, signed_by];
            prop_assert_eq!(fields.iter().map(|field| field.1).collect::<Vec<_>>(), values);
            prop_assert_eq!(stanzas[1].get("Components"), None);
        }
    }
}
