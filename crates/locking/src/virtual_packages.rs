//! What to write into a spec where packages need of the system what the image does not have.

use imgbuild_conda::Unmet;
use imgbuild_spec::{Base, Cuda, Driver, Layout, Suite, Variant};

/// Versions of CUDA that people have drivers for, beside those that packages name, the oldest first.
const CUDA: [&str; 9] = ["11.0", "11.2", "11.8", "12.0", "12.4", "12.6", "12.8", "12.9", "13.0"];
/// What stands for a version of CUDA where any would do.
const ANY_CUDA: &str = "12.9";

/// What to write so that requirements on virtual packages are met, a sentence for each of these; nothing where there are
/// no requirements.
pub(crate) fn what_to_write(unmet: &[Unmet], variant: &Variant) -> Option<String> {
    let mut names: Vec<&str> = unmet.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &&str| -> Vec<&Unmet> { unmet.iter().filter(|it| it.name == **name).collect() };
    let mut lines: Vec<String> =
        names.iter().map(|name| what_to_write_for(name, &of(name), variant)).collect();
    lines.sort();
    lines.dedup();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn what_to_write_for(name: &str, unmet: &[&Unmet], variant: &Variant) -> String {
    let meets = |version: &str| unmet.iter().all(|it| it.is_met_by(version));
    match name {
        "__glibc" => match &variant.base {
            Base::Debian(_) => match Suite::ALL.into_iter().find(|suite| meets(suite.glibc())) {
                Some(suite) => {
                    let glibc = suite.glibc();
                    format!("`[base] debian = \"{}\"` has glibc {glibc}", suite.as_str())
                }
                None => "no release of Debian that imgbuild builds has such a glibc: ask for another version of the package".to_owned(),
            },
            Base::Layout(Layout { text, .. }) => of_existing(text),
            Base::Image(image) => of_existing(&image.reference.to_string()),
            Base::Scratch => "an empty base has no glibc: build on Debian".to_owned(),
        },
        "__cuda" => which_cuda(unmet, variant.cuda.as_ref()),
        "__cuda_arch" => which_capability(unmet, variant.cuda.as_ref()),
        "__osx" => other_system(unmet, "macOS"),
        "__win" => other_system(unmet, "Windows"),
        "__archspec" => {
            "packages are chosen for every processor of the platform: ask for a build that needs no newer one".to_owned()
        }
        "__linux" => {
            "an image brings no kernel, and packages are chosen for Linux from 5.10 on: ask for a version that needs no newer one".to_owned()
        }
        name => format!("no image has `{name}`: leave out what needs it"),
    }
}

fn of_existing(base: &str) -> String {
    format!(
        "the base `{base}` decides on the glibc: build on an image with another one, or ask for another version of the package"
    )
}

/// Which CUDA to name, or which driver of the one that is named.
fn which_cuda(unmet: &[&Unmet], cuda: Option<&Cuda>) -> String {
    let meets = |version: &str| unmet.iter().all(|it| it.is_met_by(version));
    let named = unmet.iter().flat_map(|it| versions(&it.requirement)).collect::<Vec<_>>();
    let mut known: Vec<String> = CUDA.map(str::to_owned).into();
    if named.is_empty() {
        known.insert(0, ANY_CUDA.to_owned());
    } else {
        known.extend(named);
        known.sort_by_key(|version| numbers(version));
    }
    let Some(version) = known.iter().find(|version| meets(version)) else {
        return "no version of CUDA meets that: ask for another version of the package".to_owned();
    };
    let driver = match numbers(version)[..] {
        [major, minor] => Driver::supporting((major, minor)),
        _ => None,
    };
    let by_default = version.parse().ok().and_then(|version| Driver::oldest_for(&version)?.cuda());
    let by_default = by_default.is_some_and(|(major, minor)| meets(&format!("{major}.{minor}")));
    match (cuda, driver) {
        (Some(cuda), Some(driver)) if numbers(version).first() == Some(&cuda.version.numbers().0) => format!(
            "the image may meet a driver as old as {}: name a newer one, `cuda = {{ version = \"{}\", driver = \"{driver}\" }}`",
            cuda.driver, cuda.version
        ),
        // What the oldest driver of the major version supports is less than that.
        (_, Some(driver)) if !by_default => format!(
            "say which CUDA and which driver the image is for: `cuda = {{ version = \"{version}\", driver = \"{driver}\" }}`"
        ),
        _ => format!("say which CUDA the image is for: `cuda = \"{version}\"`"),
    }
}

/// Which GPUs to name.
fn which_capability(unmet: &[&Unmet], cuda: Option<&Cuda>) -> String {
    let named = unmet.iter().flat_map(|it| versions(&it.requirement)).collect::<Vec<_>>();
    let version = cuda.map_or(ANY_CUDA, |cuda| cuda.version.as_str());
    match named.iter().find(|version| unmet.iter().all(|it| it.is_met_by(version))) {
        Some(capability) => format!(
            "say which GPUs the image is for: `cuda = {{ version = \"{version}\", arch = [\"{capability}\"] }}`"
        ),
        None => "no GPU that is named meets that: ask for another version of the package".to_owned(),
    }
}

fn other_system(unmet: &[&Unmet], system: &str) -> String {
    let packages: Vec<String> =
        unmet.iter().filter_map(|it| it.package.as_ref()).map(|package| format!("`{package}`")).collect();
    match packages.as_slice() {
        [] => format!("that is {system}, and images are Linux: leave it out"),
        [one] => format!("{one} is for {system}, and images are Linux: leave it out"),
        several => format!("{} are for {system}, and images are Linux: leave them out", several.join(", ")),
    }
}

/// The versions that a requirement names, as major and minor.
fn versions(requirement: &str) -> Vec<String> {
    let words = requirement.split(|it: char| !it.is_ascii_digit() && it != '.');
    let version = |word: &str| {
        let mut parts = word.split('.').filter_map(|part| part.parse::<u16>().ok());
        let major = parts.next().filter(|major| *major > 0)?;
        Some(format!("{major}.{}", parts.next().unwrap_or(0)))
    };
    words.filter_map(version).collect()
}

fn numbers(version: &str) -> Vec<u16> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_requirements_name() {
        let found = |text: &str| versions(text).join(" ");
        assert_eq!(found("__cuda >=12.6,<13"), "12.6 13.0");
        assert_eq!(found("__cuda[version='>=11.2.1']"), "11.2");
        assert_eq!(found("__cuda"), "");
        assert_eq!(found("__cuda >=99999999"), "");
    }
}
