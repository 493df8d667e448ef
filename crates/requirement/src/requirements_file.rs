//! Requirements files, and lists of such lines (pip, "Requirements File Format").

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use imgbuild_document::files::{self, Surroundings};
use imgbuild_document::{
    FILE_LIMIT, Mistake, Note, Origin, Problem, Requirement, Source, ValueError, beneath, note, suggest,
};

use crate::find_links::FindLinks;
use crate::limits::{FILE_DEPTH, MOST_FILES};
use crate::lines::{expanded, lines, split_options};
use crate::mistake::RequirementMistake;
use crate::options::{self, LineOption, OptionKind, RequirementOptions};
use crate::project::PipUrl;
use crate::requirement::{self, ListedRequirement, Place, relative};
use crate::source::{PipRequirement, RequirementSource};

/// What lines say together.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// What is to be installed.
    pub requirements: Vec<ListedRequirement>,
    /// What packages must be if they are needed at all.
    pub constraints: Vec<PipRequirement>,
    /// The index, and where it is named.
    pub index_url: Option<(PipUrl, Origin)>,
    /// Further indexes.
    pub extra_index_urls: Vec<PipUrl>,
    /// Folders and pages that list packages.
    pub find_links: Vec<FindLinks>,
    /// Where no index is to be asked.
    pub no_index: Option<Origin>,
    /// Whether versions that are not released yet may be taken.
    pub prereleases: bool,
    /// Whether every requirement has hashes.
    pub require_hashes: bool,
    /// What is not to be built, though the spec may permit it, and where that is said.
    pub only_wheels: Vec<(String, Origin)>,
    /// What a person should know of the lines.
    pub notes: Vec<Note>,
}

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What is to be installed.
    Requirements,
    /// What packages must be if they are needed at all.
    Constraints,
    /// A requirement in the spec itself, where options have keys of their own.
    Package,
}

/// Where a line stands, and what it stands for.
struct Context<'a> {
    /// What its paths are relative to.
    folder: &'a Path,
    kind: Kind,
    origin: &'a Origin,
}

/// Reads requirements files. It keeps their texts: every combination of a matrix may name the same ones.
pub struct Reader<'a> {
    /// The spec's folder.
    pub folder: &'a Path,
    /// What files and variables there are.
    surroundings: Surroundings<'a>,
    /// Says that a file is another one than of requirements.
    other_file: fn(&Source, &str) -> Option<Problem>,
    /// The files that were read, by their paths.
    texts: BTreeMap<PathBuf, Result<Source, Problem>>,
}

/// One reading.
pub struct Lines<'a, 'r> {
    /// What reads files.
    pub(crate) reader: &'a mut Reader<'r>,
    /// What was read.
    pub listing: Listing,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The files that are open, from the first one.
    open: Vec<PathBuf>,
    count: usize,
}

impl<'a> Reader<'a> {
    /// What reads the requirements files of the spec in `folder`. `other_file` says that a file is another one.
    pub fn new(
        folder: &'a Path,
        surroundings: Surroundings<'a>,
        other_file: fn(&Source, &str) -> Option<Problem>,
    ) -> Self {
        Self { folder, surroundings, other_file, texts: BTreeMap::new() }
    }

    /// The text of a file beside the spec.
    pub fn text(&mut self, path: &Path) -> Result<Source, Problem> {
        if let Some(problem) = beneath::problem(self.folder, path) {
            return Err(problem);
        }
        let whole = self.folder.join(path);
        let read = self.surroundings.read;
        let text = self.texts.entry(whole).or_insert_with_key(|whole| files::text(whole, FILE_LIMIT, read));
        text.clone()
    }

    /// The text of a file that need not be there.
    ///
    /// # Errors
    ///
    /// When it is there, and cannot be read.
    pub fn optional_text(&mut self, path: &Path) -> Result<Option<Source>, Problem> {
        let is_there = (self.surroundings.read)(&self.folder.join(path), 1);
        match is_there {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => self.text(path).map(Some),
        }
    }
}

impl<'a, 'r> Lines<'a, 'r> {
    /// Nothing is read yet.
    pub fn new(reader: &'a mut Reader<'r>) -> Self {
        Self { reader, listing: Listing::default(), problems: Vec::new(), open: Vec::new(), count: 0 }
    }

    /// Reads a file: `name` is relative to `folder`, which is relative to the spec's.
    pub fn file(&mut self, name: &str, folder: &Path, kind: Kind, asked: &Origin) {
        let here = |problem: Problem| problem.at(asked.source(), asked.span(), "named here");
        if name.contains("://") {
            let problem = here(Problem::new(Mistake::Value {
                message: format!("`{}` is no file of this machine", imgbuild_secret::public(name)),
            }));
            return self.problems.push(problem.hint("keep a copy of it beside the spec, and name that"));
        }
        let path = relative(folder, name);
        if let Some(first) = self.open.iter().position(|open| clean(open) == clean(&path)) {
            let files = self.open[first..].iter().chain([&path]).map(|it| it.display().to_string());
            let files = suggest::list(&files.collect::<Vec<_>>()).replace(", ", " → ");
            return self.problems.push(here(Problem::new(RequirementMistake::RequirementsCycle { files })));
        }
        self.count += 1;
        if self.open.len() >= FILE_DEPTH || self.count > MOST_FILES {
            let mistake = RequirementMistake::TooManyRequirementsFiles { deep: FILE_DEPTH, many: MOST_FILES };
            // Once: each of them may name many.
            if !self.problems.iter().any(|known| known.mistake() == Some(&mistake)) {
                self.problems.push(here(Problem::new(mistake)));
            }
            return;
        }
        let source = match self.reader.text(&path) {
            Ok(source) => source,
            Err(problem) => return self.problems.push(here(problem)),
        };
        if let Some(problem) = (self.reader.other_file)(&source, name) {
            return self.problems.push(here(problem));
        }
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        self.open.push(path);
        for (line, span) in lines(source.inner()) {
            self.line(&line, &folder, kind, Origin::new(&source, span, ""));
        }
        self.open.pop();
    }

    /// Reads an item of a list of lines, which may be several ones.
    pub fn item(&mut self, item: &Requirement, folder: &Path) {
        for (line, _) in lines(item.text.whole()) {
            self.line(&line, folder, Kind::Requirements, item.origin.clone());
        }
    }

    /// Reads one line, whose paths are relative to `folder`.
    pub fn line(&mut self, line: &str, folder: &Path, kind: Kind, origin: Origin) {
        let span = origin.span();
        let source = Source::clone(origin.source());
        let context = Context { folder, kind, origin: &origin };
        let result = expanded(line, self.reader.surroundings.variables).and_then(|line| {
            if line.starts_with('-') {
                self.options(&line, &context)
            } else {
                self.requirement(&line, &context)
            }
        });
        if let Err(error) = result {
            self.problems.push(value(&error, &source, span));
        }
    }

    fn note(&mut self, message: impl Into<String>, context: &Context<'_>) {
        note::add(&mut self.listing.notes, [Note::new(message, context.origin.clone())]);
    }

    /// Reads a requirement, and looks where its path leads.
    fn read(
        &self,
        text: &str,
        editable: bool,
        context: &Context<'_>,
    ) -> Result<ListedRequirement, ValueError> {
        let listed = requirement::read(text, &context.place(editable))?;
        if let RequirementSource::Path { path, .. } = &listed.requirement.source {
            beneath::check(self.reader.folder, path)?;
        }
        Ok(listed)
    }

    fn requirement(&mut self, line: &str, context: &Context<'_>) -> Result<(), ValueError> {
        let (text, options) = split_options(line);
        let listed = self.read(text, false, context)?;
        let listed = self.with_options(listed, options, context)?;
        let requirement = &listed.requirement;
        if context.kind != Kind::Constraints {
            self.listing.requirements.push(listed);
            return Ok(());
        }
        let fault = match requirement {
            it if it.name.is_none() => "names no project",
            it if !it.extras.is_empty() => "has extras",
            it if !it.hashes.is_empty() => "has hashes",
            _ => {
                self.listing.constraints.push(listed.requirement);
                return Ok(());
            }
        };
        let message = format!("`{requirement}` is no constraint: it {fault}");
        Err(ValueError::new(message).hint(
            "a constraint is a name and the versions that it may have; name it as a requirement instead",
        ))
    }

    /// A requirement with what is said behind it.
    fn with_options(
        &mut self,
        mut listed: ListedRequirement,
        options: &str,
        context: &Context<'_>,
    ) -> Result<ListedRequirement, ValueError> {
        let RequirementOptions { hashes, building } = options::behind(options)?;
        listed.requirement.hashes = hashes;
        if let Some(option) = building {
            if listed.requirement.source.is_built() {
                let message = format!("`{}` would be built without `{option}`", listed.requirement);
                return Err(ValueError::new(message).hint(
                    "projects are built without settings: build the wheel by yourself, and name it by its path or URL",
                ));
            }
            self.note(
                format!("`{option}` is not followed: it is about building, and a wheel is taken"),
                context,
            );
        }
        Ok(listed)
    }

    /// A line of options.
    fn options(&mut self, line: &str, context: &Context<'_>) -> Result<(), ValueError> {
        if let Some((project, options)) = options::editable(line) {
            return self.editable(project, options, context);
        }
        for given in options::read(line)? {
            if context.kind == Kind::Package && given.known != OptionKind::Editable {
                return Err(ValueError::new(format!("`{}` cannot stand among packages", given.name))
                    .hint(given.known.key().unwrap_or("write it into a requirements file")));
            }
            self.option(&given, context)?;
        }
        Ok(())
    }

    fn editable(&mut self, project: &str, options: &str, context: &Context<'_>) -> Result<(), ValueError> {
        if context.kind == Kind::Constraints {
            return Err(no_constraint());
        }
        let listed = self.read(project, true, context)?;
        let listed = self.with_options(listed, options, context)?;
        let requirement = &listed.requirement;
        if let RequirementSource::Index = requirement.source {
            let message = format!("`{requirement}` cannot be editable: it names no folder and no repository");
            return Err(ValueError::new(message).hint("leave out `-e`, or write `./folder`"));
        }
        // Who writes a spec knows what `-e` is in it.
        if context.kind != Kind::Package || !matches!(requirement.source, RequirementSource::Path { .. }) {
            let message = format!("`{requirement}` is installed in the usual way, not as `-e` says");
            self.note(message, context);
        }
        self.listing.requirements.push(listed);
        Ok(())
    }

    fn option(&mut self, given: &LineOption, context: &Context<'_>) -> Result<(), ValueError> {
        let LineOption { name, known, value } = given;
        let origin = context.origin;
        match known {
            OptionKind::Requirement if context.kind == Kind::Constraints => return Err(no_constraint()),
            OptionKind::Requirement => self.file(value, context.folder, Kind::Requirements, origin),
            OptionKind::Constraint => self.file(value, context.folder, Kind::Constraints, origin),
            OptionKind::Editable => return self.editable(value, "", context),
            OptionKind::Index => {
                let url: PipUrl = value.parse()?;
                match &self.listing.index_url {
                    Some((first, at)) if *first != url => {
                        let message = format!("`{url}` is a second index, beside that of {at}: `{first}`");
                        return Err(ValueError::new(message).hint(
                            "name further ones by `--extra-index-url`, or one for all by `[pip] index-url`",
                        ));
                    }
                    _ => self.listing.index_url = Some((url, origin.clone())),
                }
            }
            OptionKind::ExtraIndex => add(&mut self.listing.extra_index_urls, value.parse()?),
            OptionKind::NoIndex => self.listing.no_index = Some(origin.clone()),
            OptionKind::FindLinks => {
                let links = FindLinks::read(value, context.folder)?;
                if let FindLinks::Path(path) = &links {
                    beneath::check(self.reader.folder, path)?;
                }
                add(&mut self.listing.find_links, links);
            }
            OptionKind::Prereleases => self.listing.prereleases = true,
            OptionKind::RequireHashes => self.listing.require_hashes = true,
            OptionKind::OnlyWheels => self.listing.only_wheels.push((value.clone(), origin.clone())),
            OptionKind::Usual => {}
            OptionKind::NoWheels if value == ":none:" => {}
            OptionKind::NoWheels => self.note(
                format!("`{name} {value}` is not followed: a wheel is taken where there is one that fits"),
                context,
            ),
            OptionKind::TrustedHost => self.note(
                format!("`{name} {value}` is not followed: certificates are always checked, and `http://` needs no permission"),
                context,
            ),
            OptionKind::OfPip => {
                self.note(format!("`{name} {value}` does nothing here: it is about pip itself"), context);
            }
            OptionKind::Removed => {
                self.note(format!("`{name}` does nothing here, nor in pip for years"), context);
            }
        }
        Ok(())
    }
}

impl Context<'_> {
    fn place(&self, editable: bool) -> Place<'_> {
        Place { folder: self.folder, editable, origin: self.origin.clone() }
    }
}

fn no_constraint() -> ValueError {
    ValueError::new("a file of constraints names no requirements")
        .hint("name it by `-r`, or a further file of constraints by `-c`")
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// A path as far as names say what it is: without `folder/..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir if clean.file_name().is_some() && !clean.ends_with("..") => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// A value that breaks its rule, at its place.
pub(crate) fn value(error: &ValueError, source: &Source, span: Range<usize>) -> Problem {
    let mistake = Mistake::Value { message: error.to_string() };
    Problem::new(mistake).at(source, span, "here").hint_if_any(error.help().map(str::to_owned))
}
