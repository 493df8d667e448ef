//! Running programs of images: whether a sandbox can be made, with all ids, with stacked layers, and for foreign platforms.

use std::path::Path;

use imgbuild_oci::Platform;
use imgbuild_sandbox::{Machine, SandboxError};

use crate::finding::{Area, Finding, Verdict};

/// What trying it showed.
#[derive(Debug)]
pub(crate) struct Tried {
    /// Whether a sandbox can be made, and then the rest.
    pub(crate) sandbox: Result<Possible, SandboxError>,
}

/// What a sandbox can.
#[derive(Debug)]
pub(crate) struct Possible {
    /// Whether files can belong to any user of an image.
    pub(crate) owners: Result<(), SandboxError>,
    /// Whether layers are stacked.
    pub(crate) stacking: Result<(), SandboxError>,
    /// Whether programs of each platform but this machine's are run.
    foreign: Vec<(Platform, Result<(), SandboxError>)>,
}

/// What of it a spec needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// That something runs.
    pub(crate) sandbox: bool,
    /// That programs of these platforms do.
    pub(crate) platforms: Vec<Platform>,
}

/// Tries it.
pub(crate) fn tried() -> Tried {
    let possible = |machine: Machine| {
        let foreign = Platform::ALL.into_iter().filter(|platform| Some(*platform) != Platform::host());
        Possible {
            owners: machine.has_owners(),
            stacking: machine.has_stacking(),
            foreign: foreign.map(|platform| (platform, machine.runs(platform))).collect(),
        }
    };
    Tried { sandbox: Machine::probe().map(possible) }
}

/// What was tried, as findings. `copied` says whether the cache is where nothing is stacked: on overlayfs itself.
pub(crate) fn findings(tried: &Tried, needs: &Needs, copied: bool) -> Vec<Finding> {
    let what = "user namespaces";
    let possible = match &tried.sandbox {
        Ok(possible) => possible,
        Err(error) => return vec![Finding::of(Area::Sandbox, what, error).needed_if(needs.sandbox)],
    };
    let fine = "a sandbox can be made: what runs while an image is built, and `imgbuild run`, run in it";
    let mut findings = vec![Finding::new(Area::Sandbox, what, Verdict::Fine, fine).needed_if(needs.sandbox)];
    findings.push(stacking(&possible.stacking, copied));
    findings.extend(possible.foreign.iter().map(|(platform, runs)| foreign(*platform, runs, needs)));
    findings
}

fn stacking(stacking: &Result<(), SandboxError>, copied: bool) -> Finding {
    let what = "overlayfs";
    match stacking {
        Ok(()) if !copied => Finding::new(Area::Sandbox, what, Verdict::Fine, "layers are stacked, and not copied"),
        Ok(()) => Finding::new(
            Area::Sandbox,
            what,
            Verdict::Wrong,
            "the cache is on overlayfs itself, which is not stacked again: layers are copied before anything runs, \
             which takes time and room",
        )
        .remedy("let the cache be on a volume or a mounted folder, by `IMGBUILD_CACHE`"),
        Err(error) => Finding::of(Area::Sandbox, what, error)
            .remedy("nothing has to be done: layers are copied before anything runs, which takes time and room. A kernel from Linux 5.11 on stacks them"),
    }
}

fn foreign(platform: Platform, runs: &Result<(), SandboxError>, needs: &Needs) -> Finding {
    let what = format!("programs of `{platform}`");
    let needed = needs.platforms.contains(&platform);
    let error = match runs {
        Ok(()) => {
            return Finding::new(Area::Sandbox, &what, Verdict::Fine, "they run here").needed_if(needed);
        }
        Err(error) => error,
    };
    let missing = Finding { verdict: Verdict::Missing, ..Finding::of(Area::Sandbox, &what, error) };
    match needed {
        true => missing.needed(),
        false => missing.remedy(
            "images of it are built all the same: only checks, `imgbuild run`, and what is built or configured there need it",
        ),
    }
}

/// Whether a folder, or where it will be made, is on overlayfs.
pub(crate) fn is_on_overlay(folder: &Path) -> bool {
    const OVERLAYFS_SUPER_MAGIC: u64 = 0x794c_7630;
    let there = folder.ancestors().find(|folder| folder.exists());
    let found = there.and_then(|folder| rustix::fs::statfs(folder).ok());
    found.is_some_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| kind == OVERLAYFS_SUPER_MAGIC))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::shown;

    fn forbidden() -> SandboxError {
        SandboxError::Forbidden {
            reason: "user namespaces are switched off (`user.max_user_namespaces` is 0)".to_owned(),
            hint: "as root, `sysctl -w user.max_user_namespaces=15000`".to_owned(),
        }
    }

    fn tried(stacking: Result<(), SandboxError>, foreign: Result<(), SandboxError>) -> Tried {
        let foreign = vec![(Platform::LinuxArm64, foreign)];
        Tried { sandbox: Ok(Possible { owners: Ok(()), stacking, foreign }) }
    }

    #[test]
    fn none_can_be_made() {
        let without = Tried { sandbox: Err(forbidden()) };
        let needs = Needs { sandbox: true, ..Needs::default() };
        let all = [findings(&without, &Needs::default(), false), findings(&without, &needs, false)].concat();
        insta::assert_snapshot!(shown(&all), @"
        wrong user namespaces: no sandbox can be made on this machine: user namespaces are switched off (`user.max_user_namespaces` is 0)
          -> as root, `sysctl -w user.max_user_namespaces=15000`
        wrong! user namespaces: no sandbox can be made on this machine: user namespaces are switched off (`user.max_user_namespaces` is 0)
          -> as root, `sysctl -w user.max_user_namespaces=15000`
        ");
    }

    #[test]
    fn all_is_there() {
        insta::assert_snapshot!(shown(&findings(&tried(Ok(()), Ok(())), &Needs::default(), false)), @"
        fine user namespaces: a sandbox can be made: what runs while an image is built, and `imgbuild run`, run in it
        fine overlayfs: layers are stacked, and not copied
        fine programs of `linux/arm64`: they run here
        ");
    }

    #[test]
    fn layers_are_copied_and_there_is_no_emulator() {
        let missing = SandboxError::Foreign {
            platform: Platform::LinuxArm64,
            reason: "there is no `qemu-aarch64-static`".to_owned(),
            hint: "install `qemu-user-static`".to_owned(),
        };
        let error = SandboxError::Stack(std::io::Error::from_raw_os_error(1));
        let needs = Needs { sandbox: true, platforms: vec![Platform::LinuxArm64] };
        let all = findings(&tried(Err(error), Err(missing)), &needs, false);
        insta::assert_snapshot!(shown(&all), @"
        fine! user namespaces: a sandbox can be made: what runs while an image is built, and `imgbuild run`, run in it
        wrong overlayfs: the layers cannot be stacked with overlayfs: Operation not permitted (os error 1)
          -> nothing has to be done: layers are copied before anything runs, which takes time and room. A kernel from Linux 5.11 on stacks them
        missing! programs of `linux/arm64`: programs of `linux/arm64` cannot be run on this machine: there is no `qemu-aarch64-static`
          -> install `qemu-user-static`
        ");
        insta::assert_snapshot!(shown(&[stacking(&Ok(()), true)]), @"
        wrong overlayfs: the cache is on overlayfs itself, which is not stacked again: layers are copied before anything runs, which takes time and room
          -> let the cache be on a volume or a mounted folder, by `IMGBUILD_CACHE`
        ");
    }
}
