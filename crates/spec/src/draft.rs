//! From the language to what is built: one combination, before it is known for which platform.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imgbuild_document::{Located, Mistake, Origin, Problem, Requirement, Source, beneath, list};
use imgbuild_environment::{Environment, LockedPackages, OtherLock};
use imgbuild_oci::{ImageName, Platform, Tag};

use crate::assemble;
use crate::checks;
use crate::cuda::{self, Cuda};
use crate::language::{
    BaseKey, BaseTable, BaseWord, Document, Image, Layers, LayoutKey, Manager, Profile, PythonFrom,
    PythonKey, Suite,
};
use crate::mistake::SpecMistake;
use crate::pip::{Section, needs_python};
use crate::repositories::{components, keyring_file, pins, repositories, snapshot};
use crate::services::{self, Services};
use crate::template::Combination;
use crate::variant::{
    Account, Base, Check, Conda, CondaPackages, Conform, CopyRule, Debian, DevContainer, Jupyter, Layout,
    Python, Ssh, Variant,
};

/// What an image is called whose name is no name, so that the rest of its spec can be looked at.
const UNNAMED: &str = "image";

/// A combination of the matrix, checked.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) name: ImageName,
    pub(crate) tags: Vec<Tag>,
    /// Nothing for the platform of whoever builds.
    pub(crate) platforms: Option<Vec<Platform>>,
    pub(crate) keys: Combination,
    python: Option<Python>,
    cuda: Option<Cuda>,
    base: Base,
    conda: Option<Conda>,
    /// Locked packages, which are those of `conda` on each platform.
    lock: Option<OtherLock>,
    pip: Section,
    jupyter: Option<Jupyter>,
    ssh: Option<Ssh>,
    dev_container: Option<DevContainer>,
    account: Account,
    image: Image,
    copy: Vec<CopyRule>,
    layers: Layers,
    checks: Vec<Check>,
    conform: Vec<Conform>,
}

/// What a draft is made from, beside the document.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a Source,
    pub(crate) folder: &'a Path,
    pub(crate) keys: &'a Combination,
    pub(crate) environment: Option<Environment>,
    pub(crate) pip: Section,
}

impl Draft {
    /// Checks what no single value shows. There is no draft where there is no name.
    pub(crate) fn new(mut document: Document, context: &Context<'_>) -> (Option<Self>, Vec<Problem>) {
        let source = context.source;
        let mut problems = Vec::new();
        let tags = list::unique("tags", document.tags, source, &mut problems);
        let platforms = list::unique("platforms", document.platforms, source, &mut problems);
        let python = document.python.map(|located| python(located, source));
        let base_place = document.base.as_ref().map(|located| located.span.clone());
        let mut base = base(document.base, context, &mut problems);
        let keys = (document.jupyter, document.ssh, document.devcontainer, document.user);
        let services = Services::new(keys, &mut document.image, source, &mut problems);
        problems.extend(services.check_ports(&document.image, &base));
        problems.extend(services.stand_on(&mut base));
        let environment = context.environment.clone();
        let from = python.as_ref().map(|python| python.from);
        let mut conda = assemble::conda(document.conda, environment, from, source, &mut problems);
        problems.extend(services.run_in(conda.as_mut(), from, &context.pip));
        let (conda, lock) = conda.map_or((None, None), |(conda, lock)| (Some(conda), lock));
        let cuda = cuda::cuda(document.cuda, conda.is_some(), context.pip.pytorch(), source, &mut problems);
        let env = document.env.as_ref().map(|env| env.origin(source));
        problems.extend(conda.iter().flat_map(|conda| services::wrong_variables(conda, env.as_ref())));
        if matches!(base, Base::Scratch) {
            let asked = match (&python, &conda) {
                (Some(python), _) => Some(("Python", Some(python.origin.clone()))),
                (None, Some(_)) => Some(("a conda environment", env)),
                (None, None) => context.pip.origin().map(|origin| ("a wheel", Some(origin.clone()))),
            };
            let base = base_place.unwrap_or_default();
            problems.extend(asked.map(|(what, origin)| needs_base(what, origin, base, source)));
        }
        let checks = checks::checks(document.check, source, &mut problems);
        let conform = checks::conform(document.conform, source, &mut problems);
        let copy = copies(document.copy, context, &mut problems);
        problems.extend(debian_python(python.as_ref(), &base));
        let name = document.name.map(|located| located.value).or_else(|| UNNAMED.parse().ok());
        let draft = |name| Self {
            name,
            tags: match tags {
                Some(tags) if !tags.is_empty() => tags,
                _ => "latest".parse().into_iter().collect(),
            },
            platforms,
            keys: context.keys.clone(),
            python,
            cuda,
            base,
            conda,
            lock,
            pip: context.pip.clone(),
            jupyter: services.jupyter,
            ssh: services.ssh,
            dev_container: services.dev_container,
            account: services.account,
            image: document.image,
            copy,
            layers: document.layers,
            checks,
            conform,
        };
        (name.map(draft), problems)
    }

    /// The variant for one platform, and what is wrong with it; none where the lock has nothing for the platform.
    pub(crate) fn variant(&self, platform: Platform) -> (Option<Variant>, Vec<Problem>) {
        let mut conda = self.conda.clone();
        let mut packages = None;
        let mut problems = Vec::new();
        if let (Some(conda), Some(lock)) = (&mut conda, &self.lock) {
            let (locked, listed) = match lock.on(platform) {
                Ok(found) => found,
                Err(problem) => return (None, vec![problem]),
            };
            packages = listed;
            problems.extend(self.check_lock(&locked, conda.manager).err());
            problems.extend(self.cuda.as_ref().and_then(|cuda| cuda.lacking_in(&locked)));
            conda.packages = CondaPackages::Locked(locked);
        }
        let pip = self.pip.pip(packages).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let python = self.python.as_ref();
        problems.extend(pip.as_ref().and_then(|pip| needs_python(pip, python, conda.as_ref())));
        if let Some(conda) = &mut conda {
            // The wheel of pip that is asked for would have to be the one that conda happens to have.
            conda.pip = conda.pip && !pip.as_ref().is_some_and(|pip| pip.names_project("pip"));
        }
        let variant = Variant {
            name: self.name.clone(),
            tags: self.tags.clone(),
            platform,
            keys: self.keys.clone(),
            python: self.python.clone(),
            cuda: self.cuda.clone(),
            base: self.base.clone(),
            conda,
            pip,
            jupyter: self.jupyter.clone(),
            ssh: self.ssh.clone(),
            dev_container: self.dev_container.clone(),
            account: self.account.clone(),
            image: self.image.clone(),
            copy: self.copy.clone(),
            layers: self.layers.clone(),
            checks: self.checks.clone(),
            conform: self.conform.clone(),
        };
        (Some(variant), problems)
    }
}

impl Draft {
    /// What the spec asks for beside a lock must be in it: the lock is taken as it is.
    fn check_lock(&self, locked: &LockedPackages, manager: Manager) -> Result<(), Problem> {
        let lacks = |found: String, key: &str, wanted: String| {
            let file = locked.file.clone();
            Problem::new(SpecMistake::LockLacks { file, found, key: key.to_owned(), wanted })
        };
        if let Some(python) = self.python.as_ref().filter(|python| python.from == PythonFrom::Conda) {
            let found = locked.version("python");
            if !found.is_some_and(|found| python.version.holds(found)) {
                let found = found.map_or("no Python".to_owned(), |version| format!("Python {version}"));
                let problem = lacks(found, python.origin.key(), python.version.to_string());
                let hint = if locked.version("python").is_some() {
                    "remove the key: the lock says which Python there is"
                } else {
                    "the lock is the whole environment: lock it with Python in it, or remove the key"
                };
                return Err(problem
                    .at(python.origin.source(), python.origin.span(), "asked for here")
                    .hint(hint));
            }
        }
        if let Some(package) = manager.package().filter(|package| locked.version(package).is_none()) {
            let problem = lacks(format!("no package `{package}`"), "conda.manager", "it".to_owned());
            let problem = problem.at(locked.origin.source(), locked.origin.span(), "this lock");
            return Err(problem.hint(format!("add `{package}` to the environment before it is locked")));
        }
        Ok(())
    }
}

/// What an empty base cannot carry: it needs a C library.
fn needs_base(what: &str, origin: Option<Origin>, base: std::ops::Range<usize>, source: &Source) -> Problem {
    let problem = Problem::new(SpecMistake::NeedsBase { what: what.to_owned() });
    let mut problem = problem.at(source, base, "an empty base");
    // What another file asks for cannot be shown beside the spec's line.
    if let Some(origin) = origin.filter(|origin| origin.file() == source.name()) {
        problem = problem.at(source, origin.span(), "asked for here");
    }
    problem.hint("build on Debian: `base = \"bookworm\"`, which is the default")
}

fn python(located: Located<PythonKey>, source: &Source) -> Python {
    let origin = located.origin(source);
    match located.value {
        PythonKey::Short(version) => Python { version, from: PythonFrom::default(), origin },
        PythonKey::Table(table) => Python { version: table.version, from: table.from, origin },
    }
}

fn copy(located: Located<crate::language::CopyTable>, source: &Source) -> CopyRule {
    let origin = located.origin(source);
    let table = located.value;
    CopyRule {
        from: table.from,
        to: table.to,
        owner: table.owner.map(|owner| owner.0),
        mode: table.mode,
        origin,
    }
}

fn copies(
    tables: Vec<Located<crate::language::CopyTable>>,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<CopyRule> {
    let mut rules: Vec<CopyRule> = tables.into_iter().map(|located| copy(located, context.source)).collect();
    rules.retain(|rule| leads_out(rule, context).map(|problem| problems.push(problem)).is_none());
    rules
}

/// A link that is named by itself is copied as a link; one on the way to it is followed.
fn leads_out(copy: &CopyRule, context: &Context<'_>) -> Option<Problem> {
    let path: PathBuf = copy.from.as_path().components().collect();
    let problem = beneath::problem(context.folder, path.parent()?)?;
    Some(problem.at(context.source, copy.origin.span(), "this is copied"))
}

fn base(key: Option<Located<BaseKey>>, context: &Context<'_>, problems: &mut Vec<Problem>) -> Base {
    let (folder, source) = (context.folder, context.source);
    let origin = key.as_ref().map(|located| located.origin(source));
    let debian = |suite| {
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
            origin: origin.clone(),
        }))
    };
    match key.map(|located| located.value) {
        None => debian(Suite::default()),
        Some(BaseKey::Short(BaseWord::Bookworm)) => debian(Suite::Bookworm),
        Some(BaseKey::Short(BaseWord::Trixie)) => debian(Suite::Trixie),
        Some(BaseKey::Short(BaseWord::Scratch)) => Base::Scratch,
        Some(BaseKey::Table(table)) => match &table.scratch {
            Some(scratch) if scratch.value => {
                let layout = table.layout.as_ref().map(|layout| (layout.key.clone(), layout.span.clone()));
                let debian = debian_key(&table).map(|it| (it, "only Debian has this"));
                let other = debian.or(layout.map(|it| (it, "an existing image")));
                if let Some(((key, span), label)) = other {
                    let mistake = Mistake::Conflict { first: "base.scratch".to_owned(), second: key };
                    let problem = Problem::new(mistake).at(source, span, label);
                    problems.push(problem.at(source, scratch.span.clone(), "an empty base"));
                }
                Base::Scratch
            }
            _ if table.layout.is_some() => layout(*table, context, problems),
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

fn packages(
    packages: Option<Located<Vec<Located<crate::values::DebianPackageName>>>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Requirement> {
    let Some(packages) = packages else { return Vec::new() };
    list::check_unique("base.packages", &packages.value, source, problems);
    packages.value.iter().map(|located| Requirement::new(located, source)).collect()
}

/// A key of the table that only Debian packages have a use for.
fn debian_key(table: &BaseTable) -> Option<(String, std::ops::Range<usize>)> {
    fn place<T>(key: Option<&Located<T>>) -> Option<(String, std::ops::Range<usize>)> {
        key.map(|located| (located.key.clone(), located.span.clone()))
    }
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
fn layout(mut table: BaseTable, context: &Context<'_>, problems: &mut Vec<Problem>) -> Base {
    let Some(located) = table.layout.take() else { return Base::Scratch };
    let origin = located.origin(context.source);
    if let Some((key, span)) = debian_key(&table) {
        let mistake = Mistake::Conflict { first: "base.layout".to_owned(), second: key };
        let problem = Problem::new(mistake).at(context.source, span, "only Debian packages have this");
        problems.push(problem.at(context.source, located.span.clone(), "an existing image"));
    }
    let (text, reference) = match located.value {
        LayoutKey::Short(path) => (path, None),
        LayoutKey::Table(table) => (table.path, table.reference),
    };
    problems.extend(
        beneath::problem(context.folder, Path::new(&text))
            .map(|problem| problem.at(context.source, origin.span(), "named here")),
    );
    Base::Layout(Layout { path: context.folder.join(&text), text, reference, origin })
}

/// Debian's Python is a Debian package, which no existing image gets.
fn debian_python(python: Option<&Python>, base: &Base) -> Option<Problem> {
    let (Some(python), Base::Layout(layout)) = (python, base) else { return None };
    if python.from != PythonFrom::Debian {
        return None;
    }
    let mistake = Mistake::Conflict { first: "base.layout".to_owned(), second: "python.from".to_owned() };
    let source = python.origin.source();
    let problem = Problem::new(mistake).at(source, python.origin.span(), "a Debian package");
    let problem = problem.at(source, layout.origin.span(), "an existing image");
    Some(problem.hint("take Python from conda: `python = \"3.11\"`"))
}

/// Two combinations with one name, tag and platform: the second image would replace the first.
pub(crate) fn shared_tags(
    drafts: &[Draft],
    place: (std::ops::Range<usize>, bool),
    source: &Source,
) -> Option<Problem> {
    let mut seen: BTreeMap<(&ImageName, &Tag, Option<Platform>), &Draft> = BTreeMap::new();
    for draft in drafts {
        let platforms: Vec<Option<Platform>> = match &draft.platforms {
            Some(platforms) => platforms.iter().copied().map(Some).collect(),
            None => vec![None],
        };
        for tag in &draft.tags {
            for platform in &platforms {
                if let Some(first) = seen.insert((&draft.name, tag, *platform), draft) {
                    return Some(shared_tag(tag, first, draft, place, source));
                }
            }
        }
    }
    None
}

fn shared_tag(
    tag: &Tag,
    first: &Draft,
    second: &Draft,
    (span, written): (std::ops::Range<usize>, bool),
    source: &Source,
) -> Problem {
    let differs: Vec<String> = second
        .keys
        .iter()
        .filter(|(key, value)| first.keys.get(*key) != Some(value))
        .map(|(key, _)| format!("{{{key}}}"))
        .collect();
    let mistake = SpecMistake::SharedTag {
        tag: tag.to_string(),
        first: crate::template::describe(&first.keys),
        second: crate::template::describe(&second.keys),
    };
    let label = if written { "these tags" } else { "a matrix, but no `tags`" };
    let hint = format!("name what differs in `tags`, for example `tags = [\"{}\"]`", differs.join("-"));
    Problem::new(mistake).at(source, span, label).hint(hint)
}
