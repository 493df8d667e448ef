//! Requirements files, and lists of such lines (pip, "Requirements File Format").

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::PipRequirement;
use super::lines::{self, lines, option, split_options, words};
use super::requirement::{self, Listed, Place, relative};
use crate::error::{Mistake, Problem};
use crate::files::{self, Read};
use crate::requirement::Requirement;
use crate::source::{Origin, Source};
use crate::suggest;
use crate::values::{PipUrl, ValueError};

/// More files than any list needs, each counted as often as it is named.
const FILES: usize = 128;
/// More files in one another than anyone has.
const DEPTH: usize = 16;

/// What lines say together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    pub(crate) requirements: Vec<Listed>,
    pub(crate) constraints: Vec<PipRequirement>,
    pub(crate) index_url: Option<(PipUrl, Origin)>,
    pub(crate) extra_index_urls: Vec<PipUrl>,
    pub(crate) prereleases: bool,
    pub(crate) require_hashes: bool,
}

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Requirements,
    Constraints,
    /// A requirement in the spec itself, where options have keys of their own.
    Package,
}

/// Reads requirements files. It keeps their texts: every combination of a matrix may name the same ones.
pub(crate) struct Reader<'a> {
    /// The spec's folder.
    pub(crate) folder: &'a Path,
    pub(crate) read: &'a Read<'a>,
    pub(crate) texts: BTreeMap<PathBuf, Result<Source, Problem>>,
}

/// One reading.
pub(crate) struct Lines<'a, 'r> {
    pub(crate) reader: &'a mut Reader<'r>,
    pub(crate) listing: Listing,
    pub(crate) problems: Vec<Problem>,
    /// The files that are open, from the first one.
    open: Vec<PathBuf>,
    count: usize,
}

impl Reader<'_> {
    /// The text of a file beside the spec.
    pub(crate) fn text(&mut self, path: &Path) -> Result<Source, Problem> {
        let whole = self.folder.join(path);
        let read = self.read;
        let text = self.texts.entry(whole).or_insert_with_key(|whole| files::text(whole, files::LIMIT, read));
        text.clone()
    }
}

impl<'a, 'r> Lines<'a, 'r> {
    pub(crate) fn new(reader: &'a mut Reader<'r>) -> Self {
        Self { reader, listing: Listing::default(), problems: Vec::new(), open: Vec::new(), count: 0 }
    }

    /// Reads a file: `name` is relative to `folder`, which is relative to the spec's.
    pub(crate) fn file(&mut self, name: &str, folder: &Path, kind: Kind, asked: &Origin) {
        let here = |problem: Problem| problem.at(asked.source(), asked.span(), "named here");
        if name.contains("://") {
            let problem = here(Problem::new(Mistake::Value {
                message: format!("`{}` is no file of this machine", secret::public(name)),
            }));
            return self.problems.push(problem.hint("keep a copy of it beside the spec, and name that"));
        }
        let path = relative(folder, name);
        if let Some(first) = self.open.iter().position(|open| clean(open) == clean(&path)) {
            let files = self.open[first..].iter().chain([&path]).map(|it| it.display().to_string());
            let files = suggest::list(&files.collect::<Vec<_>>()).replace(", ", " → ");
            return self.problems.push(here(Problem::new(Mistake::RequirementsCycle { files })));
        }
        self.count += 1;
        if self.open.len() >= DEPTH || self.count > FILES {
            let mistake = Mistake::TooManyRequirementsFiles { deep: DEPTH, many: FILES };
            // Once: each of them may name many.
            if !self.problems.iter().any(|known| *known.mistake() == mistake) {
                self.problems.push(here(Problem::new(mistake)));
            }
            return;
        }
        let source = match self.reader.text(&path) {
            Ok(source) => source,
            Err(problem) => return self.problems.push(here(problem)),
        };
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        self.open.push(path);
        for (line, span) in lines(source.inner()) {
            self.line(&line, &folder, kind, Origin::new(&source, span, ""));
        }
        self.open.pop();
    }

    /// Reads an item of a list of lines, which may be several ones.
    pub(crate) fn item(&mut self, item: &Requirement, folder: &Path) {
        for (line, _) in lines(item.text.whole()) {
            self.line(&line, folder, Kind::Requirements, item.origin.clone());
        }
    }

    /// Reads one line, whose paths are relative to `folder`.
    pub(crate) fn line(&mut self, line: &str, folder: &Path, kind: Kind, origin: Origin) {
        let span = origin.span();
        let source = Source::clone(origin.source());
        let result = match line.starts_with('-') {
            true => self.options(line, folder, kind, &origin),
            false => self.requirement(line, folder, kind, &origin),
        };
        if let Err(error) = result {
            self.problems.push(value(&error, &source, span));
        }
    }

    fn requirement(
        &mut self,
        line: &str,
        folder: &Path,
        kind: Kind,
        origin: &Origin,
    ) -> Result<(), ValueError> {
        let (text, options) = split_options(line);
        let mut listed = requirement::read(text, &Place { folder, editable: false, origin: origin.clone() })?;
        listed.requirement.hashes = hashes(options)?;
        let requirement = &listed.requirement;
        if kind != Kind::Constraints {
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

    /// A line of options.
    fn options(&mut self, line: &str, folder: &Path, kind: Kind, origin: &Origin) -> Result<(), ValueError> {
        if let Some(project) = editable(line) {
            return self.option(Known::Editable, project, folder, kind, origin);
        }
        let mut words = words(line)?.into_iter();
        while let Some(word) = words.next() {
            let (name, attached) = option(&word);
            if !word.starts_with('-') {
                let word = secret::public(&word);
                return Err(ValueError::new(format!(
                    "`{word}` stands behind an option, and belongs to none"
                )));
            }
            let known = Known::of(name)?;
            if kind == Kind::Package && known != Known::Editable {
                return Err(ValueError::new(format!("`{name}` cannot stand among packages"))
                    .hint(known.key().unwrap_or("write it into a requirements file")));
            }
            let value = match (attached, known.has_value()) {
                (Some(value), true) => value.to_owned(),
                (None, true) => words
                    .next()
                    .ok_or_else(|| ValueError::new(format!("there is nothing behind `{name}`")))?,
                (None, false) => String::new(),
                (Some(_), false) => return Err(ValueError::new(format!("`{name}` has no value"))),
            };
            self.option(known, &value, folder, kind, origin)?;
        }
        Ok(())
    }

    fn option(
        &mut self,
        known: Known,
        value: &str,
        folder: &Path,
        kind: Kind,
        origin: &Origin,
    ) -> Result<(), ValueError> {
        match known {
            Known::Requirement | Known::Editable if kind == Kind::Constraints => {
                let message = "a file of constraints names no requirements".to_owned();
                return Err(ValueError::new(message)
                    .hint("name it by `-r`, or a further file of constraints by `-c`"));
            }
            Known::Requirement => self.file(value, folder, Kind::Requirements, origin),
            Known::Constraint => self.file(value, folder, Kind::Constraints, origin),
            Known::Editable => {
                let place = Place { folder, editable: true, origin: origin.clone() };
                self.listing.requirements.push(requirement::read(value, &place)?);
            }
            Known::Index => {
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
            Known::ExtraIndex => {
                let url: PipUrl = value.parse()?;
                if !self.listing.extra_index_urls.contains(&url) {
                    self.listing.extra_index_urls.push(url);
                }
            }
            Known::Prereleases => self.listing.prereleases = true,
            Known::RequireHashes => self.listing.require_hashes = true,
            Known::OnlyWheels | Known::PreferWheels => {}
        }
        Ok(())
    }
}

/// What stands behind `-e`: all of the line, for it may have a marker.
fn editable(line: &str) -> Option<&str> {
    let behind = line.strip_prefix("--editable").or_else(|| line.strip_prefix("-e"))?;
    let project = behind.strip_prefix('=').unwrap_or(behind).trim();
    let quoted = |quote: char| project.strip_prefix(quote)?.strip_suffix(quote);
    (!project.is_empty()).then(|| quoted('"').or_else(|| quoted('\'')).unwrap_or(project))
}

/// The options that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Requirement,
    Constraint,
    Editable,
    Index,
    ExtraIndex,
    Prereleases,
    RequireHashes,
    /// `--only-binary` of whatever it names: only wheels are taken anyway, where the spec does not allow to build.
    OnlyWheels,
    PreferWheels,
}

impl Known {
    const NAMES: [&str; 9] = [
        "--requirement",
        "--constraint",
        "--editable",
        "--index-url",
        "--extra-index-url",
        "--pre",
        "--require-hashes",
        "--only-binary",
        "--prefer-binary",
    ];

    fn of(name: &str) -> Result<Self, ValueError> {
        Ok(match name {
            "-r" | "--requirement" => Self::Requirement,
            "-c" | "--constraint" => Self::Constraint,
            "-e" | "--editable" => Self::Editable,
            "-i" | "--index-url" | "--pypi-url" => Self::Index,
            "--extra-index-url" => Self::ExtraIndex,
            "--pre" => Self::Prereleases,
            "--require-hashes" => Self::RequireHashes,
            "--only-binary" => Self::OnlyWheels,
            "--prefer-binary" => Self::PreferWheels,
            name => return Err(unknown(name)),
        })
    }

    fn has_value(self) -> bool {
        !matches!(self, Self::Prereleases | Self::RequireHashes | Self::PreferWheels)
    }

    /// What to write in the spec instead.
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Requirement => Some("name the file by `[pip] requirements`"),
            Self::Constraint => Some("name the file by `[pip] constraints`"),
            Self::Index => Some("write `[pip] index-url`"),
            Self::ExtraIndex => Some("write `[pip] extra-index-urls`"),
            Self::OnlyWheels | Self::PreferWheels => Some("remove it: only wheels are taken anyway"),
            _ => None,
        }
    }
}

/// The error for an option that does not work here.
fn unknown(name: &str) -> ValueError {
    let hint = match name {
        "-f" | "--find-links" => {
            "name each wheel by its path or URL, or serve the folder as an index and name it by `--index-url`"
        }
        "--no-index" => "name the index that is to be asked alone by `--index-url`",
        "--trusted-host" => {
            "add the host's certificate to those of this machine (`SSL_CERT_FILE`), or name it by `http://`"
        }
        "--no-binary" => "a project without a wheel is built where `[pip] allow-builds` names it",
        "--hash" => "it stands behind the requirement that it is about",
        "--config-settings" | "--config-setting" | "--global-option" | "--build-option"
        | "--install-option" => {
            "projects are built without settings: build the wheel by yourself, and name it by its path or URL"
        }
        _ => {
            let known: Vec<String> = Known::NAMES.map(str::to_owned).to_vec();
            let hint = suggest::for_value(name, &known);
            return ValueError::new(format!("the option `{name}` does not work here")).hint(hint);
        }
    };
    ValueError::new(format!("the option `{name}` does not work here")).hint(hint)
}

/// The hashes behind a requirement.
fn hashes(options: &str) -> Result<Vec<oci::Digest>, ValueError> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    let mut words = lines::words(options)?.into_iter();
    while let Some(word) = words.next() {
        let (name, attached) = option(&word);
        if name != "--hash" {
            let behind = Known::of(name).map(|_| ());
            behind?;
            return Err(ValueError::new(format!("`{name}` stands behind a requirement"))
                .hint("write it into a line of its own"));
        }
        let hash = attached.map(str::to_owned).or_else(|| words.next());
        let hash = hash.ok_or_else(|| ValueError::new("there is nothing behind `--hash`"))?;
        let wrong = || {
            ValueError::new(format!("`{}` is not a hash", hash.escape_debug()))
                .hint("write it like `--hash=sha256:…`, with 64 hexadecimal digits")
        };
        match hash.split_once(':').ok_or_else(wrong)? {
            ("sha256", digits) => {
                found.push(oci::Digest::from_hex(&digits.to_ascii_lowercase()).map_err(|_| wrong())?);
            }
            (other @ ("sha384" | "sha512" | "md5"), _) => others.push(other.to_owned()),
            _ => return Err(wrong()),
        }
    }
    // Hashes are alternatives: one of a kind that is not checked here may go where a sha256 stays.
    match others.first().filter(|_| found.is_empty()) {
        Some(other) => Err(ValueError::new(format!("its hashes are {other}, and none is a sha256"))
            .hint("wheels are locked by their sha256: write the file anew with such hashes")),
        None => Ok(found),
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
pub(super) fn value(error: &ValueError, source: &Source, span: Range<usize>) -> Problem {
    let mistake = Mistake::Value { message: error.to_string() };
    Problem::new(mistake).at(source, span, "here").hint_if_any(error.help().map(str::to_owned))
}
