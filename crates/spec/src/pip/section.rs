//! `[pip]`, and what the file that `env` names says of wheels: put together, and held against the rules.

use std::path::{Path, PathBuf};

use imgbuild_document::{Located, Mistake, Note, Origin, Problem, Requirement, Source, list};
use imgbuild_environment::{ListedPackages, PipPart, match_spec_name};
use imgbuild_requirement::{
    Kind, Lines, ListedRequirement, Listing, PipUrl, ProjectName, PylockFile, Reader, is_pylock, is_uv_lock,
    relative,
};

use crate::language::{AllowBuildsKey, FilesKey, PipTable, PythonFrom, Suite};
use crate::mistake::SpecMistake;
use crate::pip::project_parts::PartsKeys;
use crate::pip::{AllowBuilds, Pip, PipPackages, Pytorch};
use crate::variant::{Base, Conda, CondaPackages, Python};

/// What a spec and its files say of wheels, before it is known what a lock of conda packages lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// What they ask for.
    pip: Option<Pip>,
    /// The keys of the spec that a lock of all packages leaves nothing to say, and where they stand.
    keys: Vec<(String, Origin)>,
    allow_builds: AllowBuilds,
    /// Where it is said that the user may change what is installed.
    writable: Option<Origin>,
    pytorch: Pytorch,
    notes: Vec<Note>,
}

/// A file that is named, and by which key.
struct File {
    name: String,
    origin: Origin,
}

/// What is named, in the order in which it is read.
struct SectionContent {
    packages: Vec<Requirement>,
    requirements: Vec<File>,
    constraints: Vec<File>,
    /// Lines of an environment file, and its path.
    lines: (Vec<Requirement>, PathBuf),
    /// What other keys of the spec ask for, unless it is named here.
    services: Vec<ServicePackage>,
}

/// A wheel that another key of the spec asks for.
pub(crate) struct ServicePackage {
    pub(crate) requirement: Requirement,
    /// Whether it is left out where every requirement must have a hash: it is there for people, and nothing depends on it.
    pub(crate) is_optional: bool,
}

impl Section {
    /// Reads the section and every file that it and `env` name, and what is wrong with them. `shared` has the settings, where these are
    /// another section's, and `services` are packages that other keys of the spec ask for.
    pub(crate) fn read(
        table: PipTable,
        shared: Option<&PipTable>,
        environment: Option<PipPart>,
        services: Vec<ServicePackage>,
        reader: &mut Reader<'_>,
        source: &Source,
    ) -> (Self, Vec<Problem>) {
        let settings = shared.unwrap_or(&table).clone();
        let mut named = SectionContent {
            packages: origins(&table.packages, source),
            requirements: files_of(table.requirements, source),
            constraints: files_of(table.constraints, source),
            lines: Default::default(),
            services,
        };
        match environment {
            Some(PipPart::File(name, origin)) => named.requirements.push(File { name, origin }),
            Some(PipPart::Lines(lines, file)) => named.lines = (lines, file),
            None => {}
        }
        let urls = table.index_url.iter().chain(table.extra_index_urls.iter().flatten());
        let urls: Vec<Origin> = urls.map(|url| url.origin(source)).collect();
        let key = |origin: &Origin| (plain(origin.key()), origin.clone());
        let keys: Vec<(String, Origin)> = named.origins().chain(&urls).map(key).collect();
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let allow_builds = allow_builds(settings.allow_builds, source, &mut problems);
        let writable = table.writable.filter(|located| located.value).map(|located| located.origin(source));
        let pytorch = Pytorch {
            backend: settings.torch_backend.as_ref().map(|backend| backend.value).unwrap_or_default(),
            backend_origin: settings.torch_backend.map(|backend| backend.origin(source)),
            mirror: settings.mirrors.pytorch.map(|mirror| mirror.value),
        };
        let parts = PartsKeys { extras: table.extras, groups: table.groups };
        let mut pip = match named.requirements.iter().find(|file| is_pylock(&file.name)) {
            Some(file) => {
                let lines = named.lines.0.iter().map(|line| &line.origin);
                problems.extend(alone(file, named.origins().chain(&urls).chain(lines)));
                let pip = pylock_file(file, parts, reader, allow_builds.clone());
                notes.extend(pip.iter().filter_map(|pip| own_project(pip, file)));
                pip.map_err(|problem| problems.push(problem)).ok()
            }
            None => {
                problems.extend(parts.without_lock(source));
                let mut listing = named.listing(reader, &mut problems);
                let index = (settings.index_url, settings.extra_index_urls);
                notes.append(&mut listing.notes);
                notes.extend(overruled(&listing, index.0.is_some(), &allow_builds));
                listed(listing, index, allow_builds.clone(), &mut problems)
            }
        };
        if let Some(pip) = &mut pip {
            pip.writable = writable.is_some();
            pip.pytorch = pytorch.clone();
        }
        (Self { pip, keys, allow_builds, writable, pytorch, notes }, problems)
    }

    /// What a person should know of the files.
    pub(crate) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The first place that asks for wheels.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.pip.as_ref().map(|pip| &pip.origin)
    }

    /// `writable` where there is no virtual environment.
    pub(crate) fn check_writable(&self, python: Option<PythonFrom>, suite: Option<Suite>) -> Option<Problem> {
        let is_virtual = matches!(python, Some(PythonFrom::Debian | PythonFrom::Base));
        let origin = self.writable.as_ref().filter(|_| !is_virtual)?;
        let problem = Problem::new(SpecMistake::NoVirtualEnvironment);
        let problem = problem.at(origin.source(), origin.span(), "asked for here");
        let beside =
            "wheels beside conda's Python are in conda's environment: write `writable = true` in `[conda]`";
        Some(problem.hint(match suite {
            Some(suite) => format!("{beside}; or take Debian's Python: `{}`", suite.python_key()),
            None => beside.to_owned(),
        }))
    }

    /// Where PyTorch's wheels come from.
    pub(crate) fn pytorch(&self) -> &Pytorch {
        &self.pytorch
    }

    /// Whether a requirement is of this project, by its normalised name.
    pub(crate) fn names_project(&self, project: &str) -> bool {
        self.pip.as_ref().is_some_and(|pip| pip.names_project(project))
    }

    /// The wheels of a variant: those that are asked for, or those of its lock.
    pub(crate) fn pip(&self, listed: Option<ListedPackages>) -> Result<Option<Pip>, Problem> {
        let Some(listed) = listed else { return Ok(self.pip.clone()) };
        let other = self.keys.first().map(|(key, origin)| (key.clone(), origin));
        let other = other.or_else(|| self.origin().map(|origin| ("pip:".to_owned(), origin)));
        if let Some((key, origin)) = other {
            let problem = Problem::new(Mistake::Conflict { first: key, second: "env".to_owned() });
            return Err(problem.at(origin.source(), origin.span(), "asked for here").hint(format!(
                "`{}` is {} that lists wheels: change it with the tool that wrote it",
                listed.file,
                listed.format.title()
            )));
        }
        let Some(origin) = listed.packages.first().map(|package| package.origin.clone()) else {
            return Ok(None);
        };
        Ok(Some(Pip {
            packages: PipPackages::Listed(listed),
            constraints: Vec::new(),
            index_url: None,
            extra_index_urls: Vec::new(),
            find_links: Vec::new(),
            no_index: false,
            prereleases: false,
            require_hashes: true,
            allow_builds: self.allow_builds.clone(),
            writable: false,
            pytorch: self.pytorch.clone(),
            origin,
        }))
    }
}

impl SectionContent {
    /// Where the spec names something.
    fn origins(&self) -> impl Iterator<Item = &Origin> {
        let files = self.requirements.iter().chain(&self.constraints).map(|file| &file.origin);
        self.packages.iter().map(|package| &package.origin).chain(files)
    }

    fn listing(self, reader: &mut Reader<'_>, problems: &mut Vec<Problem>) -> Listing {
        let mut read = Lines::new(reader);
        for package in self.packages {
            read.line(package.text.whole().trim(), Path::new(""), Kind::Package, package.origin);
        }
        for (files, kind) in [(self.requirements, Kind::Requirements), (self.constraints, Kind::Constraints)]
        {
            for file in files {
                read.file(&file.name, Path::new(""), kind, &file.origin);
            }
        }
        let (lines, file) = self.lines;
        for line in lines {
            read.item(&line, file.parent().unwrap_or_else(|| Path::new("")));
        }
        let requires_hashes = requires_hashes(&read.listing);
        for package in self.services.into_iter().filter(|package| !(package.is_optional && requires_hashes)) {
            let package = package.requirement;
            let before = read.listing.requirements.len();
            read.line(package.text.whole().trim(), Path::new(""), Kind::Package, package.origin);
            let (named, added) = read.listing.requirements.split_at(before);
            let name = |listed: &ListedRequirement| listed.requirement.name.clone();
            if named.iter().any(|listed| added.first().is_some_and(|it| name(it) == name(listed))) {
                read.listing.requirements.truncate(before);
            }
        }
        problems.append(&mut read.problems);
        read.listing
    }
}

/// A key without the place in its list: `pip.packages[0]` is of `pip.packages`.
fn plain(key: &str) -> String {
    key.split('[').next().unwrap_or_default().to_owned()
}

fn origins(packages: &Option<Vec<Located<String>>>, source: &Source) -> Vec<Requirement> {
    packages.iter().flatten().map(|located| Requirement::new(located, source)).collect()
}

fn files_of(key: Option<Located<FilesKey>>, source: &Source) -> Vec<File> {
    let Some(located) = key else { return Vec::new() };
    let origin = located.origin(source);
    match located.value {
        FilesKey::One(name) => vec![File { name, origin }],
        FilesKey::Many(names) => {
            names.into_iter().map(|it| File { origin: it.origin(source), name: it.value }).collect()
        }
    }
}

fn allow_builds(key: Option<AllowBuildsKey>, source: &Source, problems: &mut Vec<Problem>) -> AllowBuilds {
    match key {
        None | Some(AllowBuildsKey::All(false)) => AllowBuilds::None,
        Some(AllowBuildsKey::All(true)) => AllowBuilds::All,
        Some(AllowBuildsKey::Named(names)) => {
            list::check_unique("pip.allow-builds", &names, source, problems);
            let mut names: Vec<ProjectName> = names.into_iter().map(|located| located.value).collect();
            names.sort();
            if names.is_empty() { AllowBuilds::None } else { AllowBuilds::Named(names) }
        }
    }
}

/// A `pylock.toml` has settled everything.
fn alone<'a>(file: &File, mut others: impl Iterator<Item = &'a Origin>) -> Option<Problem> {
    let own = &file.origin;
    let same = |origin: &&Origin| origin.span() != own.span() || origin.file() != own.file();
    let other = others.find(same)?;
    let second = match other.key() {
        key if plain(key) == "pip.requirements" && plain(own.key()) == "pip.requirements" => {
            other.text().trim_matches(['"', '\'']).to_owned()
        }
        key => plain(key),
    };
    let mistake = Mistake::Conflict { first: file.name.clone(), second };
    let problem = Problem::new(mistake).at(other.source(), other.span(), "asked for here");
    Some(
        problem
            .hint(format!("`{}` is a lock of all wheels: change it with the tool that wrote it", file.name)),
    )
}

/// A `uv.lock` has what a project needs, and the project as the folder beside it.
fn own_project(pip: &Pip, file: &File) -> Option<Note> {
    let PipPackages::Pylock(lock) = &pip.packages else { return None };
    let is_there =
        ["editable", "directory"].iter().any(|key| lock.text.contains(&format!("{{ {key} = \".\" }}")));
    let is_uvs = is_uv_lock(&lock.path);
    let message =
        "the project itself is not installed, only what it needs: `[[copy]]` brings its files into the image";
    (is_uvs && is_there).then(|| Note::new(message, file.origin.clone()))
}

fn pylock_file(
    file: &File,
    parts: PartsKeys,
    reader: &mut Reader<'_>,
    allow_builds: AllowBuilds,
) -> Result<Pip, Problem> {
    let path = relative(Path::new(""), &file.name);
    let origin = file.origin.clone();
    let text = reader.text(&path).map_err(|it| it.at(origin.source(), origin.span(), "named here"))?;
    let parts = parts.parts(&path, reader)?;
    Ok(Pip {
        packages: PipPackages::Pylock(PylockFile {
            path: reader.folder.join(path),
            text: text.inner().to_owned(),
            parts,
            origin: origin.clone(),
        }),
        constraints: Vec::new(),
        index_url: None,
        extra_index_urls: Vec::new(),
        find_links: Vec::new(),
        no_index: false,
        prereleases: false,
        require_hashes: true,
        allow_builds,
        writable: false,
        pytorch: Pytorch::default(),
        origin,
    })
}

/// Whether every requirement must have a hash: it is said, or one has.
fn requires_hashes(listing: &Listing) -> bool {
    listing.require_hashes || listing.requirements.iter().any(|listed| !listed.requirement.hashes.is_empty())
}

/// What files say and the spec says otherwise.
fn overruled(listing: &Listing, index: bool, allow_builds: &AllowBuilds) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(origin) = listing.no_index.as_ref().filter(|_| index) {
        let message = "`--no-index` is not followed: `[pip] index-url` names an index";
        notes.push(Note::new(message, origin.clone()));
    }
    for (names, origin) in &listing.only_wheels {
        let may_be_built = |name: &str| match name {
            ":all:" => *allow_builds != AllowBuilds::None,
            name => allow_builds.allows(name),
        };
        if names.split(',').any(|name| may_be_built(name.trim())) {
            let message = format!(
                "`--only-binary {names}` is not followed: `[pip] allow-builds` permits to build where no wheel fits"
            );
            notes.push(Note::new(message, origin.clone()));
        }
    }
    notes
}

/// What is listed, where it is anything. What the spec says of indexes goes before what files say.
fn listed(
    listing: Listing,
    (index_url, extra): (Option<Located<PipUrl>>, Option<Vec<Located<PipUrl>>>),
    allow_builds: AllowBuilds,
    problems: &mut Vec<Problem>,
) -> Option<Pip> {
    let require_hashes = requires_hashes(&listing);
    let Listing { requirements, constraints, prereleases, .. } = listing;
    let origin = requirements.first()?.requirement.origin.clone();
    if require_hashes {
        problems.extend(requirements.iter().find_map(without_hash));
    }
    let mut extra_index_urls: Vec<PipUrl> = Vec::new();
    for url in extra.into_iter().flatten().map(|it| it.value).chain(listing.extra_index_urls) {
        if !extra_index_urls.contains(&url) {
            extra_index_urls.push(url);
        }
    }
    Some(Pip {
        packages: PipPackages::Requirements(requirements.into_iter().map(|it| it.requirement).collect()),
        constraints,
        no_index: listing.no_index.is_some() && index_url.is_none(),
        index_url: index_url.map(|it| it.value).or(listing.index_url.map(|(url, _)| url)),
        extra_index_urls,
        find_links: listing.find_links,
        prereleases,
        require_hashes,
        allow_builds,
        writable: false,
        pytorch: Pytorch::default(),
        origin,
    })
}

/// A requirement that anything could be taken for.
fn without_hash(listed: &ListedRequirement) -> Option<Problem> {
    let ListedRequirement { requirement, pinned } = listed;
    let fault = match (requirement.hashes.is_empty(), pinned) {
        (true, _) => "has no hash",
        (false, false) => "is not one version",
        (false, true) => return None,
    };
    let mistake = SpecMistake::Hashes { requirement: requirement.to_string(), fault: fault.to_owned() };
    let origin = &requirement.origin;
    let problem = Problem::new(mistake).at(origin.source(), origin.span(), "this one");
    Some(problem.hint("write `name==version --hash=sha256:…` for each, as `uv pip compile --generate-hashes` does, or give none of them a hash"))
}

/// Wheels without a Python that they could be for. An existing image may have one.
pub(crate) fn needs_python(
    pip: &Pip,
    python: Option<&Python>,
    conda: Option<&Conda>,
    base: &Base,
) -> Option<Problem> {
    let named = |requirement: &Requirement| brings_python(requirement.text.whole());
    let lock = match conda.map(|conda| &conda.packages) {
        _ if python.is_some() => return None,
        None if base.existing().is_some() => return None,
        Some(CondaPackages::Requirements(requirements)) if requirements.iter().any(named) => return None,
        Some(CondaPackages::Locked(locked)) if locked.version("python").is_some() => return None,
        Some(CondaPackages::Locked(locked)) => Some(locked),
        _ => None,
    };
    let problem = Problem::new(SpecMistake::NoPython);
    let problem = problem.at(pip.origin.source(), pip.origin.span(), "this is installed for a Python");
    Some(match lock {
        Some(locked) => {
            let lock = format!("`{}` has none: lock the environment with a Python", locked.file);
            problem.hint(match base {
                Base::Debian(debian) => {
                    format!("{lock}, or take Debian's: `{}`", debian.suite.python_key())
                }
                Base::Layout(_) | Base::Image(_) | Base::Scratch => lock,
            })
        }
        None => problem.hint("add it to the spec, for example `python = \"3.11\"`"),
    })
}

/// Whether a match spec brings Python into an environment for certain: it names Python, or pip, which depends on it.
pub(crate) fn brings_python(text: &str) -> bool {
    ["python", "pip"].contains(&match_spec_name(text).as_str())
}
