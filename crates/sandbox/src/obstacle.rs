//! What forbids a sandbox: which setting it is, and what to do.

use std::fs;

use rustix::io::Errno;
use rustix::process::geteuid;

use crate::wire::Namespace;

/// What is forbidden, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forbidden {
    pub(crate) reason: String,
    pub(crate) hint: String,
}

/// What the machine says of itself. In tests, what it might say.
struct Machine<'a> {
    setting: &'a dyn Fn(&str) -> Option<u64>,
    root: bool,
    /// Whether a filter of system calls holds for this process: a container's.
    filtered: bool,
}

impl Forbidden {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into() }
    }

    /// Why a step of making namespaces failed with this error; nothing where that is one of the machine's state, and may be
    /// another a moment later: it is no permission to go without a sandbox.
    pub(crate) fn of(namespace: Namespace, number: i32) -> Option<Self> {
        const PASSING: [Errno; 6] =
            [Errno::AGAIN, Errno::INTR, Errno::IO, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
        if PASSING.contains(&Errno::from_raw_os_error(number)) {
            return None;
        }
        let setting = |name: &str| {
            let path = format!("/proc/sys/{}", name.replace('.', "/"));
            fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let filtered = status.lines().any(|line| line == "Seccomp:\t2");
        Some(Self::on(&Machine { setting: &setting, root: geteuid().is_root(), filtered }, namespace, number))
    }

    fn on(machine: &Machine<'_>, namespace: Namespace, number: i32) -> Self {
        let is = |name: &str, value: u64| (machine.setting)(name) == Some(value);
        let error = Errno::from_raw_os_error(number);
        let unprivileged = "kernel.unprivileged_userns_clone";
        let apparmor = "kernel.apparmor_restrict_unprivileged_userns";
        if namespace == Namespace::Proc {
            return Self::new(
                format!("`/proc` cannot be mounted ({})", words(number)),
                "in a container parts of `/proc` are hidden: start it with `--security-opt systempaths=unconfined` \
                 (docker) or `--security-opt unmask=ALL` (podman)",
            );
        }
        if namespace == Namespace::User && matches!(error, Errno::NOSYS | Errno::INVAL) {
            return Self::new(
                "this kernel has no user namespaces",
                "use a kernel that is built with `CONFIG_USER_NS`",
            );
        }
        if is("user.max_user_namespaces", 0) {
            return set("user.max_user_namespaces", "0", "user.max_user_namespaces=15000");
        }
        if !machine.root && is(unprivileged, 0) {
            return set(unprivileged, "0", "kernel.unprivileged_userns_clone=1");
        }
        if !machine.root && is(apparmor, 1) {
            return Self::new(
                format!("AppArmor forbids user namespaces (`{apparmor}` is 1)"),
                format!(
                    "as root, `sysctl -w {apparmor}=0` allows them to everyone; a profile in `/etc/apparmor.d` with \
                     `userns,` allows them to this program alone; or run this as root"
                ),
            );
        }
        if error == Errno::NOSPC || error == Errno::USERS {
            return Self::new(
                "no more namespaces can be made (the limits are `user.max_*_namespaces`)",
                "as root, raise them with `sysctl -w`; `sysctl user` shows them",
            );
        }
        if machine.filtered {
            return Self::new(
                format!("a filter of system calls forbids namespaces ({})", words(number)),
                "this is a container: start it with `--security-opt seccomp=unconfined`, and with docker also with \
                 `--security-opt apparmor=unconfined --security-opt systempaths=unconfined`",
            );
        }
        Self::new(
            format!("{} ({})", doing(namespace), words(number)),
            "a container, a chroot or a security module forbids it: run this outside of it",
        )
    }
}

fn set(name: &str, is: &str, command: &str) -> Forbidden {
    Forbidden::new(
        format!("user namespaces are switched off (`{name}` is {is})"),
        format!("as root, `sysctl -w {command}`; a file in `/etc/sysctl.d` keeps it"),
    )
}

fn doing(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::User => "a user namespace cannot be made",
        Namespace::Others => "a namespace cannot be made",
        Namespace::Mount | Namespace::Proc => "nothing can be mounted in a user namespace",
    }
}

fn words(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(
        settings: &[(&str, u64)],
        root: bool,
        filtered: bool,
        namespace: Namespace,
        error: Errno,
    ) -> String {
        let setting = |name: &str| settings.iter().find(|it| it.0 == name).map(|it| it.1);
        let machine = Machine { setting: &setting, root, filtered };
        Forbidden::on(&machine, namespace, error.raw_os_error()).reason
    }

    #[test]
    fn the_setting_that_forbids_it_is_named() {
        use Namespace::{Mount, Others, Proc, User};
        let cases = [
            (
                reason(&[("user.max_user_namespaces", 0)], true, false, User, Errno::NOSPC),
                "user namespaces are switched off (`user.max_user_namespaces` is 0)",
            ),
            (
                reason(&[("kernel.unprivileged_userns_clone", 0)], false, false, User, Errno::PERM),
                "user namespaces are switched off (`kernel.unprivileged_userns_clone` is 0)",
            ),
            (
                reason(
                    &[("kernel.apparmor_restrict_unprivileged_userns", 1)],
                    false,
                    false,
                    Others,
                    Errno::PERM,
                ),
                "AppArmor forbids user namespaces (`kernel.apparmor_restrict_unprivileged_userns` is 1)",
            ),
            (
                reason(&[("user.max_user_namespaces", 9)], false, true, User, Errno::PERM),
                "a filter of system calls forbids namespaces (Operation not permitted)",
            ),
            (
                reason(&[("user.max_user_namespaces", 9)], false, false, Others, Errno::NOSPC),
                "no more namespaces can be made (the limits are `user.max_*_namespaces`)",
            ),
            (reason(&[], false, false, User, Errno::INVAL), "this kernel has no user namespaces"),
            (
                reason(&[], true, false, Mount, Errno::ACCESS),
                "nothing can be mounted in a user namespace (Permission denied)",
            ),
            (
                reason(&[], true, false, Proc, Errno::PERM),
                "`/proc` cannot be mounted (Operation not permitted)",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
