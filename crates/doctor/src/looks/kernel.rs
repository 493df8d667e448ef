//! What the kernel, and who confines this process, says of user namespaces. Whether they can be made is found out by making one:
//! this says why not.

use std::path::Path;

use crate::finding::{Area, Finding, Verdict};
use crate::surroundings::{number, text};

/// The first release that stacks folders in user namespaces.
const STACKS: (u32, u32) = (5, 11);

/// What trying it showed: what is done cannot be forbidden.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    /// That a sandbox was made.
    pub(crate) works: bool,
    /// That layers were stacked in it.
    pub(crate) stacks: bool,
}

/// Looks at the files below `root`. `is_root` says whether the user is.
pub(crate) fn look(root: &Path, is_root: bool, shown: Shown) -> Vec<Finding> {
    vec![kernel(root, shown), settings(root, is_root, shown), confinement(root, shown)]
}

fn kernel(root: &Path, shown: Shown) -> Finding {
    let told = |verdict, found: String| Finding::new(Area::Sandbox, "kernel", verdict, found);
    let Some(release) = text(root, "proc/sys/kernel/osrelease") else {
        return told(Verdict::Unknown, "`/proc/sys/kernel/osrelease` does not say it".to_owned());
    };
    let mut numbers = release.split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < STACKS && !shown.stacks => {
            told(Verdict::Wrong, format!("Linux {release}, which stacks no layers in user namespaces"))
                .remedy("a kernel from Linux 5.11 on does; until then layers are copied before anything runs")
        }
        _ => told(Verdict::Fine, format!("Linux {release}")),
    }
}

/// Settings that forbid user namespaces: the value that does, whether it holds for root, and what allows them.
const SETTINGS: [(&str, u64, bool, &str); 3] = [
    ("user.max_user_namespaces", 0, true, "user.max_user_namespaces=15000"),
    ("kernel.unprivileged_userns_clone", 0, false, "kernel.unprivileged_userns_clone=1"),
    (
        "kernel.apparmor_restrict_unprivileged_userns",
        1,
        false,
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

fn settings(root: &Path, is_root: bool, shown: Shown) -> Finding {
    let mut found = Vec::new();
    let mut remedies = Vec::new();
    for (name, forbids, for_root, command) in SETTINGS {
        let Some(value) = number(root, &format!("proc/sys/{}", name.replace('.', "/"))) else { continue };
        found.push(format!("`{name}` is {value}"));
        if value == forbids && (for_root || !is_root) && !shown.works {
            remedies.push(format!("as root, `sysctl -w {command}`; a file in `/etc/sysctl.d` keeps it"));
        }
    }
    if found.is_empty() {
        found.push("none of them is there".to_owned());
    }
    let verdict = if remedies.is_empty() { Verdict::Fine } else { Verdict::Wrong };
    let told = Finding::new(Area::Sandbox, "settings of user namespaces", verdict, found.join(", "));
    remedies.iter().fold(told, |told, remedy| told.remedy(remedy))
}

/// What confines this process: a filter of system calls, a security module, rights that cannot be gained.
fn confinement(root: &Path, shown: Shown) -> Finding {
    let status = text(root, "proc/self/status").unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let mut found = Vec::new();
    let mut remedies = Vec::new();
    if field("Seccomp") == Some("2") {
        found.push("a filter of system calls holds for this process".to_owned());
        remedies.push("this is a container: start it with `--security-opt seccomp=unconfined`");
    }
    if field("NoNewPrivs") == Some("1") {
        found.push("no new rights may be gained, so that `newuidmap` gains none".to_owned());
        remedies.push(
            "in Kubernetes, `allowPrivilegeEscalation: true`; with docker, leave out `no-new-privileges`",
        );
    }
    // With AppArmor it is the name of a profile, and its mode; with SELinux a label.
    let label = text(root, "proc/self/attr/current").unwrap_or_default();
    let label = label.trim_end_matches('\0');
    if label.ends_with("(enforce)") {
        found.push(format!("AppArmor confines it by `{}`", label.trim_end_matches("(enforce)").trim()));
        remedies.push("start the container with `--security-opt apparmor=unconfined`, or let the profile say `userns,` and `mount,`");
    }
    if number(root, "sys/fs/selinux/enforce") == Some(1) {
        let with = if label.contains(':') { format!(", with the label `{label}`") } else { String::new() };
        found.push(format!("SELinux enforces its policy{with}"));
        remedies.push("`ausearch -m avc -ts recent` shows what SELinux has refused; `--security-opt label=disable` starts a container without");
    }
    let told = |verdict, found: String| Finding::new(Area::Sandbox, "confinement", verdict, found);
    match (found.is_empty(), shown.works) {
        (true, _) => told(Verdict::Fine, "nothing confines this process".to_owned()),
        (false, true) => {
            told(Verdict::Fine, format!("{}; a sandbox can be made all the same", found.join("; ")))
        }
        (false, false) => {
            remedies.iter().fold(told(Verdict::Wrong, found.join("; ")), |told, remedy| told.remedy(remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::{machine, shown};

    const WORKS: Shown = Shown { works: true, stacks: true };
    const FAILS: Shown = Shown { works: false, stacks: false };

    #[test]
    fn a_usual_machine() {
        let root = machine(&[
            ("proc/sys/kernel/osrelease", "6.12.5-amd64\n"),
            ("proc/sys/user/max_user_namespaces", "15000\n"),
            ("proc/self/status", "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t0\n"),
            ("proc/self/attr/current", "unconfined\n"),
        ]);
        insta::assert_snapshot!(shown(&look(root.path(), false, WORKS)), @"
        fine kernel: Linux 6.12.5-amd64
        fine settings of user namespaces: `user.max_user_namespaces` is 15000
        fine confinement: nothing confines this process
        ");
    }

    #[test]
    fn settings_that_forbid_them_and_whom() {
        let root = machine(&[
            ("proc/sys/kernel/osrelease", "5.10.0-9-amd64\n"),
            ("proc/sys/user/max_user_namespaces", "15000\n"),
            ("proc/sys/kernel/unprivileged_userns_clone", "0\n"),
            ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n"),
        ]);
        insta::assert_snapshot!(shown(&look(root.path(), false, FAILS)[..2]), @"
        wrong kernel: Linux 5.10.0-9-amd64, which stacks no layers in user namespaces
          -> a kernel from Linux 5.11 on does; until then layers are copied before anything runs
        wrong settings of user namespaces: `user.max_user_namespaces` is 15000, `kernel.unprivileged_userns_clone` is 0, `kernel.apparmor_restrict_unprivileged_userns` is 1
          -> as root, `sysctl -w kernel.unprivileged_userns_clone=1`; a file in `/etc/sysctl.d` keeps it
          -> as root, `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; a file in `/etc/sysctl.d` keeps it
        ");
        assert_eq!(settings(root.path(), true, FAILS).verdict, Verdict::Fine, "root may");
        let none = machine(&[("proc/sys/user/max_user_namespaces", "0\n")]);
        assert_eq!(settings(none.path(), true, FAILS).verdict, Verdict::Wrong);
        assert_eq!(settings(root.path(), false, WORKS).verdict, Verdict::Fine, "a profile may allow them");
    }

    #[test]
    fn a_container() {
        let root = machine(&[
            ("proc/self/status", "NoNewPrivs:\t1\nSeccomp:\t2\n"),
            ("proc/self/attr/current", "docker-default (enforce)\n"),
            ("sys/fs/selinux/enforce", "1"),
        ]);
        let all = [confinement(root.path(), FAILS), confinement(root.path(), WORKS)];
        insta::assert_snapshot!(shown(&all), @"
        wrong confinement: a filter of system calls holds for this process; no new rights may be gained, so that `newuidmap` gains none; AppArmor confines it by `docker-default`; SELinux enforces its policy
          -> this is a container: start it with `--security-opt seccomp=unconfined`
          -> in Kubernetes, `allowPrivilegeEscalation: true`; with docker, leave out `no-new-privileges`
          -> start the container with `--security-opt apparmor=unconfined`, or let the profile say `userns,` and `mount,`
          -> `ausearch -m avc -ts recent` shows what SELinux has refused; `--security-opt label=disable` starts a container without
        fine confinement: a filter of system calls holds for this process; no new rights may be gained, so that `newuidmap` gains none; AppArmor confines it by `docker-default`; SELinux enforces its policy; a sandbox can be made all the same
        ");
        insta::assert_snapshot!(shown(&look(machine(&[]).path(), false, FAILS)), @"
        unknown kernel: `/proc/sys/kernel/osrelease` does not say it
        fine settings of user namespaces: none of them is there
        fine confinement: nothing confines this process
        ");
    }
}
