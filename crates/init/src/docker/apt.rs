//! `apt-get install`.

use imgbuild_dockerfile::Word;
use imgbuild_spec::DebianPackageName;

use crate::docker::taking::{Taking, unknown};

/// Options that are followed by a value.
const WITH_VALUE: [&str; 6] = ["-o", "--option", "-t", "--target-release", "-c", "--config-file"];

/// Debian's Python and what belongs to it: `python` says it.
const PYTHON: [&str; 6] =
    ["python3", "python3-pip", "python3-venv", "python-is-python3", "python3-minimal", "python3-distutils"];

/// Takes over a call of `apt-get`, `apt` or `aptitude`, whose words are `arguments`.
pub(crate) fn take(taking: &mut Taking<'_>, arguments: &[Word], text: &str, place: &str) {
    let mut words = arguments.iter();
    let mut names = Vec::new();
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word.text.as_str()) {
            if word.text.starts_with("-t") || word.text.starts_with("--t") {
                taking.leave_out(
                    place,
                    text,
                    "packages of another suite come from a repository that `[base.sources]` names",
                );
            }
            words.next();
        } else if !word.text.starts_with('-') {
            names.push(word);
        }
    }
    let Some((command, names)) = names.split_first() else { return };
    match command.text.as_str() {
        "install" if taking.is_builder => {
            taking.need_nothing(
                place,
                text,
                "only an earlier stage has them: name in `[base] packages` what the image needs",
            );
        }
        "install" | "satisfy" => names.iter().for_each(|name| package(taking, name, place)),
        "update" => taking.need_nothing(place, text, "Debian's indexes are read while locking"),
        "upgrade" | "dist-upgrade" | "full-upgrade" | "safe-upgrade" => {
            taking.need_nothing(
                place,
                text,
                "packages are taken in the newest version, and `imgbuild lock --upgrade` moves them",
            );
        }
        "clean" | "autoclean" | "autoremove" | "remove" | "purge" => {
            taking.need_nothing(place, text, "only what the spec names is in the image, and no cache");
        }
        _ => taking.leave_out(place, text, "only `install` has a place in a spec: `[base] packages`"),
    }
}

fn package(taking: &mut Taking<'_>, word: &Word, place: &str) {
    if let Some(reason) = unknown(word) {
        return taking.leave_out(place, &format!("apt-get install {}", word.text), reason);
    }
    let (name, version) =
        word.text.split_once('=').map_or((word.text.as_str(), None), |(name, version)| (name, Some(version)));
    let shown = format!("apt-get install {}", word.text);
    let is_removed = name.ends_with('-') && !name.ends_with("--");
    if is_removed || name.contains('/') {
        return taking.leave_out(place, &shown, "`[base] packages` names packages of the release; further repositories are named in `[base.sources]`");
    }
    if PYTHON.contains(&name) {
        taking.found.is_debians_python = true;
        taking.found.python.get_or_insert_with(|| (String::new(), place.to_owned()));
        return;
    }
    if name.parse::<DebianPackageName>().is_err() {
        return taking.leave_out(place, &shown, "this is not the name of a Debian package");
    }
    taking.draft.add("base.packages", name, place);
    if let Some(version) = version {
        let reason = format!(
            "the package is taken, in the version that the release has; `pin = {{ {name} = \"{version}\" }}` in `[base]` holds it"
        );
        taking.leave_out(place, &shown, reason);
    }
}
