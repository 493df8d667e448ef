//! What an image begins with, by `[base]`.

use std::path::Path;

use imgbuild_document::{Located, Mistake, Origin, Problem, Requirement, Source, beneath, list};

use crate::language::{BaseKey, BaseTable, BaseWord, LayoutKey, Profile, PythonFrom, Suite, build_on_debian};
use crate::mistake::SpecMistake;
use crate::repositories::{components, keyring_file, pins, repositories, snapshot};
use crate::variant::{Base, Debian, Layout, Python, RegistryImage};

/// The base that the key asks for.
pub(crate) fn base(
    key: Option<Located<BaseKey>>,
    folder: &Path,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Base {
    let origin = key.as_ref().map(|located| located.origin(source));
    let debian = |suite| debian(suite, origin.clone(), source);
    match key.map(|located| located.value) {
        None => debian(Suite::default()),
        Some(BaseKey::Short(BaseWord::Bookworm)) => debian(Suite::Bookworm),
        Some(BaseKey::Short(BaseWord::Trixie)) => debian(Suite::Trixie),
        Some(BaseKey::Short(BaseWord::Scratch)) => Base::Scratch,
        Some(BaseKey::Table(table)) if table.image.is_none() && table.verify.is_some() => {
            let span = table.verify.map(|located| located.span).unwrap_or_default();
            let problem = Problem::new(Mistake::MissingKey { key: "base.image".to_owned() });
            let problem = problem.at(source, span, "who must have signed an image of a registry");
            problems.push(problem.hint("Debian's own packages are signed, with `keyring` by others; an image in a file is in the lock by its digest"));
            Base::Scratch
        }
        Some(BaseKey::Table(table)) => match &table.scratch {
            Some(scratch) if scratch.value => {
                let layout = place(table.layout.as_ref()).or_else(|| place(table.image.as_ref()));
                let debian = debian_key(&table).map(|it| (it, "only Debian has this"));
                let other = debian.or(layout.map(|it| (it, "an existing image")));
                if let Some(((key, span), label)) = other {
                    let mistake = Mistake::Conflict { first: "base.scratch".to_owned(), second: key };
                    let problem = Problem::new(mistake).at(source, span, label);
                    problems.push(problem.at(source, scratch.span.clone(), "an empty base"));
                }
                Base::Scratch
            }
            _ if table.image.is_some() => image(*table, folder, source, problems),
            _ if table.layout.is_some() => layout(*table, folder, source, problems),
            _ => Base::Debian(Box::new(Debian {
                suite: table.debian.map(|located| located.value).unwrap_or_default(),
                packages: packages(table.packages, source, problems),
                profile: table.profile.map(|located| located.value).unwrap_or_default(),
                exclude: list::unique("base.exclude", table.exclude, source, problems).unwrap_or_default(),
                include: list::unique("base.include", table.include, source, problems).unwrap_or_default(),
                components: components("base.components", table.components, source, problems),
                pins: pins(table.pin, &table.sources, source, problems),
                sources: repositories(table.sources, folder, source, problems),
                mirror: table.mirror.map(|located| located.value),
                snapshot: snapshot(table.snapshot, source, problems),
                keyring: table.keyring.and_then(|located| keyring_file(&located, folder, source, problems)),
                configure: table.configure.is_none_or(|located| located.value),
                package_manager: table.package_manager.is_none_or(|located| located.value),
                origin,
            })),
        },
    }
}

/// Debian without settings.
fn debian(suite: Suite, origin: Option<Origin>, source: &Source) -> Base {
    Base::Debian(Box::new(Debian {
        suite,
        packages: Vec::new(),
        profile: Profile::default(),
        exclude: Vec::new(),
        include: Vec::new(),
        components: components("base.components", None, source, &mut Vec::new()),
        sources: Vec::new(),
        pins: Vec::new(),
        mirror: None,
        snapshot: None,
        keyring: None,
        configure: true,
        package_manager: true,
        origin,
    }))
}

fn packages(
    packages: Option<Located<Vec<Located<crate::values::DebianPackageName>>>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Requirement> {
    let Some(packages) = packages else { return Vec::new() };
    list::check_unique("base.packages", &packages.value, source, problems);
    packages.value.iter().map(|located| Requirement::new(located, source)).collect()
}

/// Where a key is.
fn place<T>(key: Option<&Located<T>>) -> Option<(String, std::ops::Range<usize>)> {
    key.map(|located| (located.key.clone(), located.span.clone()))
}

/// A key of the table that only Debian packages have a use for.
fn debian_key(table: &BaseTable) -> Option<(String, std::ops::Range<usize>)> {
    place(table.debian.as_ref())
        .or_else(|| place(table.packages.as_ref()))
        .or_else(|| place(table.profile.as_ref()))
        .or_else(|| place(table.exclude.as_ref()))
        .or_else(|| place(table.include.as_ref()))
        .or_else(|| place(table.components.as_ref()))
        .or_else(|| {
            let (name, table) = table.sources.iter().next()?;
            Some((format!("base.sources.{name}"), table.span.clone()))
        })
        .or_else(|| {
            let (name, pin) = table.pin.iter().next()?;
            Some((format!("base.pin.{name}"), pin.span.clone()))
        })
        .or_else(|| place(table.mirror.as_ref()))
        .or_else(|| place(table.snapshot.as_ref()))
        .or_else(|| place(table.keyring.as_ref()))
        .or_else(|| place(table.configure.as_ref()))
        .or_else(|| place(table.package_manager.as_ref()))
}

/// An existing image, where the table has no key that is about something else.
fn layout(mut table: BaseTable, folder: &Path, source: &Source, problems: &mut Vec<Problem>) -> Base {
    let Some(located) = table.layout.take() else { return Base::Scratch };
    let origin = located.origin(source);
    if let Some((key, span)) = debian_key(&table) {
        let mistake = Mistake::Conflict { first: "base.layout".to_owned(), second: key };
        let problem = Problem::new(mistake).at(source, span, "only Debian packages have this");
        problems.push(problem.at(source, located.span.clone(), "an existing image"));
    }
    let (text, reference) = match located.value {
        LayoutKey::Short(path) => (path, None),
        LayoutKey::Table(table) => (table.path, table.reference),
    };
    problems.extend(
        beneath::problem(folder, Path::new(&text))
            .map(|problem| problem.at(source, origin.span(), "named here")),
    );
    Base::Layout(Layout { path: folder.join(&text), text, reference, origin })
}

/// An image of a registry, where the table has no key that is about something else.
fn image(mut table: BaseTable, folder: &Path, source: &Source, problems: &mut Vec<Problem>) -> Base {
    let Some(located) = table.image.take() else { return Base::Scratch };
    let debian = debian_key(&table).map(|it| (it, "only Debian packages have this"));
    let other = debian.or_else(|| Some((place(table.layout.as_ref())?, "an image in a file")));
    if let Some(((key, span), label)) = other {
        let mistake = Mistake::Conflict { first: "base.image".to_owned(), second: key };
        let problem = Problem::new(mistake).at(source, span, label);
        problems.push(problem.at(source, located.span.clone(), "an image of a registry"));
    }
    let origin = located.origin(source);
    let verify = table.verify.and_then(|located| keyring_file(&located, folder, source, problems));
    Base::Image(RegistryImage { reference: located.value.reference().clone(), verify, origin })
}

/// Debian's Python is a Debian package, which no existing image gets.
pub(crate) fn debian_python(python: &Python, base: &Base) -> Option<Problem> {
    let (key, origin) = base.existing()?;
    if python.from != PythonFrom::Debian {
        return None;
    }
    let mistake = Mistake::Conflict { first: key.to_owned(), second: "python.from".to_owned() };
    let source = python.origin.source();
    let problem = Problem::new(mistake).at(source, python.origin.span(), "a Debian package");
    let problem = problem.at(source, origin.span(), "an existing image");
    Some(problem.hint(
        "leave `from` out for the Python that the image has; or take one from conda: `from = \"conda\"`",
    ))
}

/// What an empty base cannot carry: it needs a C library.
pub(crate) fn needs_base(
    what: &str,
    origin: Option<Origin>,
    base: std::ops::Range<usize>,
    source: &Source,
) -> Problem {
    let problem = Problem::new(SpecMistake::NeedsBase { what: what.to_owned() });
    let mut problem = problem.at(source, base, "an empty base");
    // What another file asks for cannot be shown beside the spec's line.
    if let Some(origin) = origin.filter(|origin| origin.file() == source.name()) {
        problem = problem.at(source, origin.span(), "asked for here");
    }
    problem.hint(build_on_debian())
}
