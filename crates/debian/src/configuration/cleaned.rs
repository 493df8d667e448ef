//! What scripts and programs leave behind and no image keeps: the one list.

use imgbuild_archive::ImagePath;

/// Where the packages' archives stand while they are installed.
pub(super) const ARCHIVES: &str = "run/packages";
/// It forbids starting services (`invoke-rc.d(8)`).
pub(super) const POLICY: &str = "usr/sbin/policy-rc.d";
/// `machine-id(5)`: an image has an empty one, where it has one.
pub(super) const MACHINE_ID: &str = "etc/machine-id";

/// Folders of which nothing is kept: what is in them is of the machine, of the run, or a cache.
const FOLDERS: [&str; 11] = [
    "dev/",
    "proc/",
    "run/",
    "sys/",
    "tmp/",
    "var/cache/apt/",
    // It knows folders by their times, which layers do not keep: fontconfig would not use it.
    "var/cache/fontconfig/",
    "var/cache/ldconfig/",
    "var/lib/apt/lists/",
    "var/log/apt/",
    "var/tmp/",
];

/// Files that are not kept.
const FILES: [&str; 21] = [
    // Locks and backups of databases.
    "etc/.pwd.lock",
    "etc/group-",
    "etc/gshadow-",
    "etc/passwd-",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/status-old",
    // The machine's own.
    "etc/hostname",
    "etc/resolv.conf",
    // Secrets and names that no two machines may share.
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    // Every package of an image was asked for: it stands in the lock, and nothing may be removed as no longer needed.
    "var/lib/apt/extended_states",
    POLICY,
];

/// Whether a path is not kept.
pub(super) fn is_cleaned(path: &ImagePath) -> bool {
    let text = path.as_str();
    FILES.contains(&text)
        || FOLDERS.iter().any(|folder| text.starts_with(folder))
        || (text.starts_with("var/log/") && text.ends_with(".log"))
        || is_backup_of_ucf(text)
        || (text.starts_with("etc/ssh/ssh_host_") && text.contains("_key"))
        // Bytecode is made by `imgbuild_python::Bytecode`: what Python writes depends on more than the source.
        || text.split('/').any(|part| part == "__pycache__")
}

/// Whether a file is one of the numbered backups that `ucf(1)` makes of its databases.
fn is_backup_of_ucf(path: &str) -> bool {
    let number =
        ["var/lib/ucf/hashfile.", "var/lib/ucf/registry."].iter().find_map(|it| path.strip_prefix(it));
    number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a link leads to something that is not kept: the certificate that every machine makes for itself.
pub(super) fn is_cleaned_link(path: &ImagePath, target: &str) -> bool {
    path.as_str().starts_with("etc/ssl/certs/") && target == "ssl-cert-snakeoil.pem"
}
