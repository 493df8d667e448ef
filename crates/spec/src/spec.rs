//! Loading a spec.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oci::Platform;

use crate::beneath;
use crate::decode::{Located, decode};
use crate::draft::{Context, Draft, shared_tags};
use crate::environment::{self, Choice, Contents, Environment};
use crate::error::{Mistake, Problem, SpecError};
use crate::files::{self, Surroundings};
use crate::language::{Document, EnvKey, EnvTable};
use crate::limits::FILE_LIMIT;
use crate::matrix;
use crate::note::{self, Note};
use crate::pip::{Reader, Section};
use crate::source::Source;
use crate::template::{Combination, Expander, describe};
use crate::toml_tree;
use crate::tree::Node;
use crate::variant::Variant;

/// A spec, with every file that it names read, and every combination of its matrix checked.
#[derive(Debug, Clone)]
pub struct Spec {
    source: Source,
    folder: PathBuf,
    drafts: Vec<Draft>,
    notes: Vec<Note>,
}

impl Spec {
    /// Reads and checks a spec and the files that its `env` and `[pip]` name.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or breaks a rule of the language: all mistakes that can be told apart at once.
    pub fn load(path: &Path) -> Result<Self, SpecError> {
        Self::load_with(path, Surroundings { read: &files::from_disk, variables: &files::variable })
    }

    pub(crate) fn load_with(path: &Path, surroundings: Surroundings<'_>) -> Result<Self, SpecError> {
        let read = surroundings.read;
        let fail = |problems| SpecError::new(&path.display().to_string(), problems);
        let source = files::text(path, FILE_LIMIT, read).map_err(|problem| fail(vec![problem]))?;
        let root = toml_tree::read(&source).map_err(|problem| fail(vec![problem]))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let reader = Reader { folder: &folder, surroundings, texts: BTreeMap::new() };
        let files = BTreeMap::new();
        let mut loader =
            Loader { source: &source, folder: &folder, surroundings, files, reader, notes: Vec::new() };
        let drafts = loader.drafts(&root).map_err(fail)?;
        let notes = loader.notes;
        Ok(Self { source, folder, drafts, notes })
    }

    /// What a person should know of the files that it names: what other tools take in them and does nothing here.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The folder of the spec: what `[[copy]]` is relative to. It is empty for the current one.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The spec's path, as messages call it.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Every image to build: the combinations in the order of the matrix, each on its platforms in their order.
    ///
    /// `host` is the platform where the spec names none.
    ///
    /// # Errors
    ///
    /// When a file of locked packages does not hold what is asked for.
    pub fn variants(&self, host: Platform) -> Result<Vec<Variant>, SpecError> {
        let mut variants = Vec::new();
        let mut problems = Vec::new();
        for draft in &self.drafts {
            for platform in draft.platforms.as_deref().unwrap_or(&[host]) {
                match draft.variant(*platform) {
                    Ok(variant) => variants.push(variant),
                    Err(problem) => note(&mut problems, problem),
                }
            }
        }
        if problems.is_empty() { Ok(variants) } else { Err(SpecError::new(self.file(), problems)) }
    }
}

/// Each combination of a matrix finds the same mistake again; it is told once.
fn note(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.iter().any(|known| known.repeats(&problem)) {
        problems.push(problem);
    }
}

struct Loader<'a> {
    source: &'a Source,
    folder: &'a Path,
    surroundings: Surroundings<'a>,
    /// Every combination may name the same file: it is read once.
    files: BTreeMap<PathBuf, Result<Contents, Vec<Problem>>>,
    /// The same for requirements files.
    reader: Reader<'a>,
    notes: Vec<Note>,
}

impl Loader<'_> {
    fn drafts(&mut self, root: &Node) -> Result<Vec<Draft>, Vec<Problem>> {
        let combinations = matrix::read(root, self.source)?;
        let mut used = BTreeSet::new();
        let mut problems = Vec::new();
        let mut drafts = Vec::new();
        for keys in &combinations.all {
            match self.draft(root, keys, &mut used) {
                Ok(draft) => drafts.push(draft),
                Err(found) => found.into_iter().for_each(|problem| note(&mut problems, problem)),
            }
        }
        for key in combinations.keys.iter().filter(|key| !used.contains(&key.value)) {
            let name = &key.value;
            let hint = format!("write `{{{name}}}` where its value belongs, or remove the key");
            let problem = Problem::new(Mistake::UnusedMatrixKey { key: name.clone() });
            problems.push(problem.at(self.source, key.span.clone(), "not used").hint(hint));
        }
        if problems.is_empty() {
            let tags = root.get("tags");
            let place = tags.or_else(|| root.get("matrix")).unwrap_or(root).span.clone();
            problems.extend(shared_tags(&drafts, (place, tags.is_some()), self.source));
        }
        if problems.is_empty() { Ok(drafts) } else { Err(problems) }
    }

    fn draft(
        &mut self,
        root: &Node,
        keys: &Combination,
        used: &mut BTreeSet<String>,
    ) -> Result<Draft, Vec<Problem>> {
        let source = self.source;
        let mut expander =
            Expander { source, values: keys, used: BTreeSet::new(), problems: Vec::new(), own: &[] };
        let expanded = expander.document(root);
        used.append(&mut expander.used);
        if !expander.problems.is_empty() {
            return Err(expander.problems);
        }
        let mut document: Document = decode(&expanded, "").map_err(|errors| {
            let label = |span: &std::ops::Range<usize>| label(source, span, keys);
            errors.into_iter().map(|error| error.problem(source, label)).collect::<Vec<_>>()
        })?;
        let environment = document.env.as_ref().map(|env| self.environment(env, keys)).transpose()?;
        let from_environment = environment.as_ref().and_then(|environment| environment.pip.clone());
        let pip = Section::read(document.pip.take(), from_environment, &mut self.reader, source)?;
        note::add(&mut self.notes, environment.iter().flat_map(|it| it.notes.iter().cloned()));
        note::add(&mut self.notes, pip.notes().iter().cloned());
        let context = Context { source, folder: self.folder, keys, environment, pip };
        Draft::new(document, &context)
    }

    /// The environment that `env` names.
    fn environment(
        &mut self,
        env: &Located<EnvKey>,
        keys: &Combination,
    ) -> Result<Environment, Vec<Problem>> {
        let (file, choice) = match &env.value {
            EnvKey::Short(file) => (
                Located { value: file.clone(), span: env.span.clone(), key: env.key.clone() },
                Choice::default(),
            ),
            EnvKey::Table(table) => (table.file.clone(), self.choice(table)),
        };
        let contents = self.contents(&file.value, file.span.clone(), keys)?;
        contents.choose(&choice, &file.value, &file.origin(self.source))
    }

    fn choice(&self, table: &EnvTable) -> Choice {
        let word = |word: &Located<String>| (word.value.clone(), word.origin(self.source));
        let words = |words: &Located<Vec<Located<String>>>| words.value.iter().map(word).collect();
        Choice {
            environment: table.environment.as_ref().map(word),
            platform: table.platform.as_ref().map(word),
            categories: table.categories.as_ref().map(words),
        }
    }

    fn contents(
        &mut self,
        name: &str,
        span: std::ops::Range<usize>,
        keys: &Combination,
    ) -> Result<Contents, Vec<Problem>> {
        let path = self.folder.join(name);
        if let Some(known) = self.files.get(&path) {
            return known.clone();
        }
        let place = |problem: Problem| match problem.origin() {
            Some(_) => problem,
            None => problem.at(self.source, span.clone(), label(self.source, &span, keys)),
        };
        let Surroundings { read, variables } = self.surroundings;
        let result = match beneath::problem(self.folder, Path::new(name)) {
            Some(problem) => Err(problem),
            None => files::text(&path, environment::limit(&path), read),
        };
        let result = result
            .map_err(|problem| vec![problem])
            .and_then(|source| environment::read(&source, variables))
            .map_err(|problems| problems.into_iter().map(place).collect());
        self.files.insert(path, result.clone());
        result
    }
}

/// What stands at the caret: for a template, the combination that made it wrong.
fn label(source: &Source, span: &std::ops::Range<usize>, keys: &Combination) -> String {
    let written = source.inner().get(span.clone()).unwrap_or_default();
    let template = keys.keys().any(|key| written.contains(&format!("{{{key}}}")));
    if template { format!("with {}", describe(keys)) } else { "here".to_owned() }
}
