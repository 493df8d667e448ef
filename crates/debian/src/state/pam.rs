//! `/etc/pam.d/common-*`, as `pam-auth-update` writes them where `libpam-runtime`'s own profile is the only one.

use super::StateError;
use super::read::ReadPackage;
use super::tree::Tree;

/// What takes the place of each mark of the templates below `/usr/share/pam`; nothing takes that of the others.
const MODULES: [(&str, &str); 7] = [
    ("$account_primary", "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so \n"),
    ("$auth_primary", "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n"),
    ("$password_primary", "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n"),
    ("$session_additional", "session\trequired\tpam_unix.so \n"),
    ("$session_nonint_additional", "session\trequired\tpam_unix.so \n"),
    ("$session_nonint_primary", "session\t[default=1]\t\t\tpam_permit.so\n"),
    ("$session_primary", "session\t[default=1]\t\t\tpam_permit.so\n"),
];

/// The program's own record of what it wrote.
const RECORD: [(&str, &str); 6] = [
    ("account", "Module: unix\n[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so\n"),
    ("auth", "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n"),
    ("password", "Module: unix\n[success=end default=ignore]\tpam_unix.so obscure yescrypt\n"),
    ("seen", "unix\nmkhomedir\n"),
    ("session", "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n"),
    (
        "session-noninteractive",
        "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n",
    ),
];

/// Writes both.
pub(crate) fn install(package: &ReadPackage, tree: &mut Tree) -> Result<(), StateError> {
    for name in ["account", "auth", "password", "session", "session-noninteractive"] {
        let (_, bytes) = package.file(&format!("/usr/share/pam/common-{name}"))?;
        let mut text = String::new();
        for line in String::from_utf8_lossy(bytes).lines() {
            match MODULES.iter().find(|(mark, _)| *mark == line.trim()) {
                Some((_, modules)) => text.push_str(modules),
                None if line.starts_with('$') => {}
                None => text.push_str(&format!("{line}\n")),
            }
        }
        tree.file(&format!("/etc/pam.d/common-{name}"), 0o644, "root", text.as_bytes());
    }
    for (name, text) in RECORD {
        tree.file(&format!("/var/lib/pam/{name}"), 0o644, "root", text.as_bytes());
    }
    Ok(())
}
