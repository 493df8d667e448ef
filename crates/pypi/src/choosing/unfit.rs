//! Why a package cannot be had: in words, since few people read the tags of wheels.

use std::collections::BTreeSet;

use crate::choosing::tags::Tags;
use crate::wheel::filename::WheelFilename;

/// How many tags of one package a message shows.
const SHOWN: usize = 8;

/// A package that cannot be had as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The package and its version, or what is required of it.
    pub package: String,
    /// Whether it is there, and only none of its wheels fits.
    pub is_there: bool,
    /// What is wrong with it, or with its wheels.
    pub why: String,
    /// Their tags, those first that are nearest to what is wanted.
    pub tags: Vec<String>,
    /// Whether it can be built from source.
    pub has_source: bool,
    /// A version with a wheel that fits, where one is known: `numpy==1.23.2`.
    pub other: Option<String>,
    /// What else could be done, where that is known.
    pub hint: Option<String>,
    /// The place of the constraint that leaves out what would fit, where one does.
    pub constraint: Option<usize>,
}

impl Unfit {
    /// What is to be said of a package with these wheels, none of which fits.
    pub(crate) fn new(package: &str, wheels: &[WheelFilename], tags: &Tags, has_source: bool) -> Self {
        let (why, hint) = why(wheels, tags, has_source);
        let tag = |it: &WheelFilename| {
            format!("{}-{}-{}", it.pythons.join("."), it.abis.join("."), it.platforms.join("."))
        };
        // Those that are nearest to fitting come first.
        let (machine, own) = (tags.target().machine(), format!("cp3{}", tags.target().minor));
        let distance = |it: &WheelFilename| {
            let linux = it.platforms.iter().any(|tag| tag.contains("linux") && tag.ends_with(machine));
            (!linux, !it.pythons.contains(&own))
        };
        let found: BTreeSet<_> = wheels.iter().map(|wheel| (distance(wheel), tag(wheel))).collect();
        let tags = found.into_iter().map(|(_, tag)| tag).collect();
        let (package, other, constraint) = (package.to_owned(), None, None);
        Self { package, is_there: true, why, tags, has_source, other, hint, constraint }
    }

    /// A package of which no wheel is looked at.
    pub(crate) fn absent(package: impl Into<String>, why: impl Into<String>, hint: Option<String>) -> Self {
        let (package, why, tags) = (package.into(), why.into(), Vec::new());
        let (has_source, other, constraint) = (false, None, None);
        Self { package, is_there: false, why, tags, has_source, other, hint, constraint }
    }

    /// Its name.
    fn name(&self) -> &str {
        self.package.split(' ').next().unwrap_or_default()
    }

    /// The line about its tags; nothing where it has none.
    fn tags_line(&self) -> Option<String> {
        let shown: Vec<String> = self.tags.iter().take(SHOWN).map(|tag| format!("`{tag}`")).collect();
        let more = match self.tags.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!shown.is_empty()).then(|| format!("there is {}{more}", shown.join(", ")))
    }
}

/// What is said of packages that cannot be had: all of them, which tags would fit, and what uv says where that may be more.
/// What to do about them says [`hint`].
pub(crate) fn message(packages: &[Unfit], tags: &Tags, explanation: Option<&str>) -> String {
    let target = tags.target();
    let mut text = match packages {
        [only] if only.is_there => format!("no wheel of `{}` fits {target}: {}", only.package, only.why),
        [only] => format!("`{}` cannot be had: {}", only.package, only.why),
        all if all.iter().all(|unfit| unfit.is_there) => {
            format!("{} packages have no wheel that fits {target}:", all.len())
        }
        all => format!("{} packages cannot be had for {target}:", all.len()),
    };
    for unfit in packages {
        if packages.len() > 1 {
            text += &format!("\n  `{}`: {}", unfit.package, unfit.why);
        }
        text.extend(unfit.tags_line().map(|line| format!("\n    {line}")));
    }
    if packages.iter().any(|unfit| !unfit.tags.is_empty()) {
        text += &format!("\n  wanted is one of {}", wanted(tags));
    }
    text.extend(explanation.map(|said| format!("\nuv says:\n{said}")));
    text
}

/// What to do about packages that cannot be had, where that is known.
pub(crate) fn hint(packages: &[Unfit]) -> Option<String> {
    let mut hints: Vec<String> = Vec::new();
    let others: Vec<String> =
        packages.iter().filter_map(|unfit| unfit.other.as_ref()).map(|it| format!("`{it}`")).collect();
    match others.as_slice() {
        [] => {}
        [only] => hints.push(format!("{only} has a wheel that fits")),
        others => hints.push(format!("{} have wheels that fit", others.join(", "))),
    }
    for hint in packages.iter().filter_map(|unfit| unfit.hint.clone()) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let sources: Vec<String> =
        packages.iter().filter(|it| it.has_source).map(|it| format!("\"{}\"", it.name())).collect();
    if !sources.is_empty() {
        let it = if sources.len() == 1 { "it" } else { "them" };
        hints.push(format!(
            "`allow-builds = [{}]` in `[pip]` lets imgbuild build {it}, in the sandbox",
            sources.join(", ")
        ));
    }
    (!hints.is_empty()).then(|| hints.join("; "))
}

/// The best tags of each kind that would fit.
fn wanted(tags: &Tags) -> String {
    let minor = tags.target().minor;
    let kinds = [format!("cp3{minor}-cp3{minor}-"), format!("cp3{minor}-abi3-"), "py3-none-any".to_owned()];
    let sorted = tags.sorted();
    let best = |kind: &String| sorted.iter().find(|tag| tag.starts_with(kind.as_str()));
    kinds.iter().filter_map(best).map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ")
}

/// What is wrong with wheels, and what helps where that is known.
fn why(wheels: &[WheelFilename], tags: &Tags, has_source: bool) -> (String, Option<String>) {
    if wheels.is_empty() {
        let found = if has_source { "it has a source distribution alone" } else { "it has no file at all" };
        return (found.to_owned(), None);
    }
    let of_python: Vec<&WheelFilename> = wheels.iter().filter(|wheel| fits_python(wheel, tags)).collect();
    if of_python.is_empty() {
        return (of_other_python(wheels, tags), None);
    }
    let (why, hint) = of_other_platform(&of_python, tags);
    let own = if of_python.len() == wheels.len() {
        String::new()
    } else {
        format!(" for Python 3.{}", tags.target().minor)
    };
    (format!("its wheels{own} {why}"), hint)
}

/// Whether a wheel would run if its platform were the target's.
fn fits_python(wheel: &WheelFilename, tags: &Tags) -> bool {
    let own = format!("linux_{}", tags.target().machine());
    let runs_on = |platform: &str| {
        let mut other = wheel.clone();
        other.platforms = vec![platform.to_owned()];
        tags.rank(&other).is_some()
    };
    runs_on(&own) || runs_on("any")
}

/// The minor version of CPython 3 that a tag names.
fn minor(tag: &str) -> Option<u8> {
    tag.strip_prefix("cp3")?.parse().ok()
}

fn of_other_python(wheels: &[WheelFilename], tags: &Tags) -> String {
    let own = tags.target().minor;
    let is_free =
        |wheel: &&WheelFilename| wheel.abis.iter().all(|abi| abi.starts_with("cp3") && abi.ends_with('t'));
    let plain: Vec<&WheelFilename> = wheels.iter().filter(|wheel| !is_free(wheel)).collect();
    if plain.is_empty() {
        return "its wheels are for a free-threaded Python alone".to_owned();
    }
    let minors: BTreeSet<u8> =
        plain.iter().flat_map(|wheel| wheel.pythons.iter().filter_map(|tag| minor(tag))).collect();
    let (Some(first), Some(last)) = (minors.first(), minors.last()) else {
        let others: BTreeSet<&str> =
            plain.iter().flat_map(|wheel| wheel.pythons.iter().map(String::as_str)).collect();
        let others: Vec<String> = others.into_iter().map(|tag| format!("`{tag}`")).collect();
        return format!("its wheels are for other Pythons: {}", others.join(", "));
    };
    let stable = plain.iter().any(|wheel| wheel.abis.iter().any(|abi| abi == "abi3"));
    let older = plain.iter().any(|wheel| wheel.pythons.iter().any(|tag| tag == "cp27"));
    let older = if older { "2.7 and " } else { "" };
    let machine = tags.target().machine();
    let platforms: BTreeSet<Platform> =
        plain.iter().flat_map(|wheel| wheel.platforms.iter().map(|tag| platform(tag, machine))).collect();
    let systems = match platforms.first() {
        // None of them would fit even so.
        Some(Platform::System(_))
            if !plain.iter().any(|wheel| wheel.platforms.contains(&"any".to_owned())) =>
        {
            format!(", and for {} alone", systems(&platforms))
        }
        _ => String::new(),
    };
    match (first == last, stable && *first > own) {
        (_, true) => format!("its wheels are for Python {older}3.{first} and newer ones{systems}"),
        (true, _) if older.is_empty() => format!("its wheels are for Python 3.{first} alone{systems}"),
        (true, _) => format!("its wheels are for Python {older}3.{first}{systems}"),
        (false, _) => format!("its wheels are for Python {older}3.{first} to 3.{last}{systems}"),
    }
}

/// What a platform's tag names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Platform {
    /// Linux with glibc on the target's processor, from this minor version of glibc on.
    Glibc(u8),
    /// Linux with musl on the target's processor.
    Musl,
    /// Linux on another processor.
    Processor,
    /// Another system.
    System(&'static str),
}

fn platform(tag: &str, machine: &str) -> Platform {
    let systems = [
        ("macosx", "macOS"),
        ("win", "Windows"),
        ("android", "Android"),
        ("ios", "iOS"),
        ("pyodide", "Pyodide"),
    ];
    if let Some((_, system)) = systems.into_iter().find(|(start, _)| tag.starts_with(start)) {
        return Platform::System(system);
    }
    if !tag.ends_with(&format!("_{machine}")) {
        return if tag.contains("linux") { Platform::Processor } else { Platform::System("other systems") };
    }
    if tag.starts_with("musllinux") {
        return Platform::Musl;
    }
    let glibc = tag.strip_prefix("manylinux_2_").and_then(|rest| rest.split('_').next()?.parse().ok());
    Platform::Glibc(glibc.unwrap_or_default())
}

/// What is to be said of wheels for the right Python.
fn of_other_platform(wheels: &[&WheelFilename], tags: &Tags) -> (String, Option<String>) {
    let target = tags.target();
    let found: BTreeSet<Platform> = wheels
        .iter()
        .flat_map(|wheel| wheel.platforms.iter().map(|tag| platform(tag, target.machine())))
        .collect();
    match found.first() {
        Some(Platform::Glibc(least)) => {
            let why = format!("need glibc 2.{least}, and the image has 2.{}", target.glibc);
            // Debian 13's is 2.41.
            let newer = *least <= 41 && target.glibc < 41;
            (why, newer.then(|| "`base = \"trixie\"` has glibc 2.41".to_owned()))
        }
        Some(Platform::Musl) => ("are for Linux with musl, and the image has glibc".to_owned(), None),
        Some(Platform::Processor) => ("are for other processors".to_owned(), None),
        Some(Platform::System(_)) | None => (format!("are for {} alone", systems(&found)), None),
    }
}

/// The systems among platforms, as people call them.
fn systems(platforms: &BTreeSet<Platform>) -> String {
    let mut systems: Vec<&str> = Vec::new();
    for platform in platforms {
        match platform {
            Platform::System(name) if !systems.contains(name) => systems.push(name),
            _ => {}
        }
    }
    systems.sort_unstable();
    systems.join(" and ")
}

#[cfg(test)]
mod tests {
    use imgbuild_oci::Platform;

    use super::*;
    use crate::choosing::tags::Target;

    fn told(names: &[&str]) -> (String, Option<String>) {
        let tags = Target { platform: Platform::LinuxAmd64, minor: 11, glibc: 36 }.tags();
        let wheels: Vec<WheelFilename> =
            names.iter().map(|name| format!("a-1-{name}.whl").parse().unwrap()).collect();
        assert!(wheels.iter().all(|wheel| tags.rank(wheel).is_none()), "{names:?}");
        why(&wheels, &tags, true)
    }

    #[test]
    fn tags_are_told_in_words() {
        for (tags, wanted) in [
            (&[][..], "it has a source distribution alone"),
            (&["cp37-cp37m-manylinux1_x86_64", "cp310-cp310-win32"], "its wheels are for Python 3.7 to 3.10"),
            (
                &["cp27-cp27m-win32", "cp35-cp35m-win_amd64", "cp39-cp39-win32"],
                "its wheels are for Python 2.7 and 3.5 to 3.9, and for Windows alone",
            ),
            (&["cp27-cp27m-win32", "cp39-cp39-manylinux1_x86_64"], "its wheels are for Python 2.7 and 3.9"),
            (&["cp39-none-any", "cp39-cp39-win32"], "its wheels are for Python 3.9 alone"),
            (&["cp312-cp312-manylinux_2_17_x86_64"], "its wheels are for Python 3.12 alone"),
            (&["cp312-abi3-manylinux_2_17_x86_64"], "its wheels are for Python 3.12 and newer ones"),
            (&["cp313-cp313t-manylinux_2_17_x86_64"], "its wheels are for a free-threaded Python alone"),
            (
                &["cp311-cp311-win_amd64", "cp312-cp312-manylinux_2_17_x86_64"],
                "its wheels for Python 3.11 are for Windows alone",
            ),
            (&["py2-none-any", "pp310-pypy310_pp73-any"], "its wheels are for other Pythons: `pp310`, `py2`"),
            (
                &["cp311-cp311-win_amd64", "cp311-cp311-macosx_11_0_arm64"],
                "its wheels are for Windows and macOS alone",
            ),
            (
                &["cp311-cp311-win32", "py3-none-manylinux_2_39_x86_64", "py3-none-manylinux_2_38_x86_64"],
                "its wheels need glibc 2.38, and the image has 2.36",
            ),
            (
                &["py3-none-musllinux_1_1_x86_64", "py3-none-win32", "py3-none-manylinux_2_17_aarch64"],
                "its wheels are for Linux with musl, and the image has glibc",
            ),
            (&["py3-none-manylinux2014_aarch64", "py3-none-win32"], "its wheels are for other processors"),
        ] {
            assert_eq!(told(tags).0, wanted, "{tags:?}");
        }
        let hint = |glibc: u8| told(&[&format!("py3-none-manylinux_2_{glibc}_x86_64")]).1;
        assert_eq!(hint(39).as_deref(), Some("`base = \"trixie\"` has glibc 2.41"));
        assert_eq!(hint(42), None);
    }

    #[test]
    fn all_packages_are_told_at_once() {
        let tags = Target { platform: Platform::LinuxAmd64, minor: 11, glibc: 36 }.tags();
        let wheel = |name: &str| name.parse::<WheelFilename>().unwrap();
        let packages = [
            Unfit::new("a 1", &[wheel("a-1-cp310-cp310-win32.whl")], &tags, true),
            Unfit::new("b 2", &[], &tags, true),
            Unfit::new("c 3", &[wheel("c-3-py3-none-manylinux_2_39_x86_64.whl")], &tags, false),
        ];
        insta::assert_snapshot!(message(&packages, &tags, None), @r#"
        3 packages have no wheel that fits Python 3.11 on linux/amd64 with glibc 2.36:
          `a 1`: its wheels are for Python 3.10 alone, and for Windows alone
            there is `cp310-cp310-win32`
          `b 2`: it has a source distribution alone
          `c 3`: its wheels need glibc 2.39, and the image has 2.36
            there is `py3-none-manylinux_2_39_x86_64`
          wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
        "#);
        assert_eq!(
            hint(&packages).unwrap(),
            "`base = \"trixie\"` has glibc 2.41; `allow-builds = [\"a\", \"b\"]` in `[pip]` lets imgbuild build them, in the sandbox"
        );
    }
}
