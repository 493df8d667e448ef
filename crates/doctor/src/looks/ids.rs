//! Which ids of an image this user can have: what belongs to whom is kept only with all of them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use imgbuild_sandbox::{SandboxError, SubordinateIds};

use crate::finding::{Area, Finding, Verdict};
use crate::surroundings::{Surroundings, text};

const SETUID: u32 = 0o4000;
/// The attribute of a file that gives a program capabilities.
const CAPABILITIES: &str = "security.capability";

/// Looks at the files of ids below the root, for a user; `owners` is what trying it showed, where it could be tried.
pub(crate) fn look(
    surroundings: &Surroundings,
    uid: u32,
    owners: Option<&Result<(), SandboxError>>,
) -> Vec<Finding> {
    let what = "ids of images";
    if uid == 0 {
        let fine = "this is root, which maps ids itself";
        return vec![match owners {
            Some(Err(error)) => Finding::of(Area::Sandbox, what, error),
            _ => Finding::new(Area::Sandbox, what, Verdict::Fine, fine),
        }];
    }
    let files = files(&surroundings.root, uid);
    let programs = programs(surroundings);
    // Both are there, and yet it does not work: that says why.
    let failed = match owners {
        Some(Err(error)) if [&files, &programs].iter().all(|it| it.verdict == Verdict::Fine) => {
            Some(Finding::of(Area::Sandbox, what, error))
        }
        _ => None,
    };
    [files, programs].into_iter().chain(failed).collect()
}

fn files(root: &Path, uid: u32) -> Finding {
    let what = "subordinate ids";
    let told = |verdict, found: String| Finding::new(Area::Sandbox, what, verdict, found);
    let least = SubordinateIds::WANTED;
    let give = match name(root, uid) {
        Some(name) => {
            format!("as root, `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}`")
        }
        None => {
            format!("as root, write the line `{uid}:100000:{least}` into `/etc/subuid` and `/etc/subgid`")
        }
    };
    let remedy = format!(
        "{give}: without them all files of an image belong to one user where it runs, and nothing can be configured or installed there"
    );
    let range = |file: &str, (first, count): (u32, u32)| format!("{count} from {first} on in `/etc/{file}`");
    match SubordinateIds::of(root, uid) {
        Err(error) => told(Verdict::Wrong, format!("the files of them cannot be read: {error}"))
            .remedy("let everybody read `/etc/subuid` and `/etc/subgid`"),
        Ok(SubordinateIds { users: Some(users), groups: Some(groups) }) => {
            let found = format!("{}, {}", range("subuid", users), range("subgid", groups));
            if users.1.min(groups.1) < least {
                told(Verdict::Wrong, format!("{found}, and images use {least}")).remedy(remedy)
            } else {
                told(Verdict::Fine, found)
            }
        }
        Ok(SubordinateIds { users, groups }) => {
            let lacks: Vec<&str> = [("`/etc/subuid`", users), ("`/etc/subgid`", groups)]
                .into_iter()
                .filter_map(|(file, range)| range.is_none().then_some(file))
                .collect();
            told(Verdict::Missing, format!("the user {uid} has none in {}", lacks.join(" and ")))
                .remedy(remedy)
        }
    }
}

/// What the machine calls a user.
fn name(root: &Path, uid: u32) -> Option<String> {
    let users = text(root, "etc/passwd")?;
    let named = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    users.lines().find_map(named)
}

fn programs(surroundings: &Surroundings) -> Finding {
    let what = "`newuidmap` and `newgidmap`";
    let told = |verdict, found: String| Finding::new(Area::Sandbox, what, verdict, found);
    let path = surroundings.variable("PATH").unwrap_or_default();
    let found = |name: &str| -> Option<PathBuf> {
        std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    let all = ["newuidmap", "newgidmap"].map(|name| (name, found(name)));
    let lacking: Vec<String> =
        all.iter().filter(|(_, path)| path.is_none()).map(|(name, _)| format!("`{name}`")).collect();
    if !lacking.is_empty() {
        return told(Verdict::Missing, format!("`PATH` has no {}", lacking.join(" and no ")))
            .remedy("as root, install `uidmap` (Fedora: `shadow-utils`)");
    }
    let powerless: Vec<PathBuf> =
        all.into_iter().filter_map(|(_, path)| path).filter(|path| !may_map(path)).collect();
    match powerless.as_slice() {
        [] => told(Verdict::Fine, "they are there, with the rights that they need".to_owned()),
        [first, ..] => told(
            Verdict::Wrong,
            format!("`{}` has no right to map ids: it is not setuid", first.display()),
        )
        .remedy("as root, `chmod u+s` it, or install its package anew: copying a system loses such rights"),
    }
}

/// Whether a program has the right to map ids: it is root's and setuid, or has capabilities.
fn may_map(program: &Path) -> bool {
    let mode = program.metadata().map_or(0, |found| found.permissions().mode());
    let mut value = [0_u8; 64];
    mode & SETUID != 0 || rustix::fs::getxattr(program, CAPABILITIES, &mut value).is_ok_and(|size| size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::shown;

    struct Made(tempfile::TempDir);

    impl Made {
        fn new(files: &[(&str, &str, u32)]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for (path, text, mode) in files {
                let path = root.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, text).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).unwrap();
            }
            Self(root)
        }

        fn look(&self, uid: u32, owners: Option<&Result<(), SandboxError>>) -> String {
            let root = self.0.path().to_owned();
            let variables = [("PATH".to_owned(), root.join("bin").display().to_string())].into();
            let surroundings = Surroundings::new(root.clone(), variables);
            shown(&look(&surroundings, uid, owners)).replace(&root.display().to_string(), "ROOT")
        }
    }

    const PASSWD: (&str, &str, u32) =
        ("etc/passwd", "root:x:0:0::/:/bin/sh\nme:x:1000:1000::/:/bin/sh\n", 0o644);

    #[test]
    fn root_needs_nothing() {
        insta::assert_snapshot!(Made::new(&[]).look(0, Some(&Ok(()))), @"fine ids of images: this is root, which maps ids itself");
    }

    #[test]
    fn a_user_with_all_of_it() {
        let made = Made::new(&[
            PASSWD,
            ("etc/subuid", "other:1:65536\nme:100000:65536\n", 0o644),
            ("etc/subgid", "1000:200000:70000\n", 0o644),
            ("bin/newuidmap", "", 0o4755),
            ("bin/newgidmap", "", 0o4755),
        ]);
        insta::assert_snapshot!(made.look(1000, Some(&Ok(()))), @"
        fine subordinate ids: 65536 from 100000 on in `/etc/subuid`, 70000 from 200000 on in `/etc/subgid`
        fine `newuidmap` and `newgidmap`: they are there, with the rights that they need
        ");
        let refused = Err(SandboxError::OneId {
            reason: "the programs that map ids failed (Operation not permitted)".to_owned(),
            hint: "ask root".to_owned(),
        });
        insta::assert_snapshot!(made.look(1000, Some(&refused)), @"
        fine subordinate ids: 65536 from 100000 on in `/etc/subuid`, 70000 from 200000 on in `/etc/subgid`
        fine `newuidmap` and `newgidmap`: they are there, with the rights that they need
        wrong ids of images: the files of an image cannot have owners on this machine: the programs that map ids failed (Operation not permitted)
          -> ask root
        ");
    }

    #[test]
    fn what_is_lacking_is_named() {
        insta::assert_snapshot!(Made::new(&[]).look(1000, None), @"
        missing subordinate ids: the user 1000 has none in `/etc/subuid` and `/etc/subgid`
          -> as root, write the line `1000:100000:65536` into `/etc/subuid` and `/etc/subgid`: without them all files of an image belong to one user where it runs, and nothing can be configured or installed there
        missing `newuidmap` and `newgidmap`: `PATH` has no `newuidmap` and no `newgidmap`
          -> as root, install `uidmap` (Fedora: `shadow-utils`)
        ");
        let made = Made::new(&[
            PASSWD,
            ("etc/subuid", "me:100000:1000\n", 0o644),
            ("etc/subgid", "me:100000:65536\n", 0o644),
            ("bin/newuidmap", "", 0o755),
            ("bin/newgidmap", "", 0o4755),
        ]);
        insta::assert_snapshot!(made.look(1000, None), @"
        wrong subordinate ids: 1000 from 100000 on in `/etc/subuid`, 65536 from 100000 on in `/etc/subgid`, and images use 65536
          -> as root, `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me`: without them all files of an image belong to one user where it runs, and nothing can be configured or installed there
        wrong `newuidmap` and `newgidmap`: `ROOT/bin/newuidmap` has no right to map ids: it is not setuid
          -> as root, `chmod u+s` it, or install its package anew: copying a system loses such rights
        ");
    }
}
