//! From the document to its drafts: each combination of the matrix, as far as it can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imgbuild_document::files::{self, Surroundings};
use imgbuild_document::{
    Located, Mistake, Node, Note, Problem, Source, beneath, decode_required, note, unreadable,
};
use imgbuild_environment::{Choice, Contents, Environment};
use imgbuild_requirement::Reader;

use crate::draft::{Context, Draft, shared_tags};
use crate::environment_draft::NamedEnvironment;
use crate::language::{Document, EnvKey, EnvTable, PipTable, Suite};
use crate::matrix::{self, Combinations};
use crate::mistake::SpecMistake;
use crate::pip::{Section, ServicePackage};
use crate::python::python_from;
use crate::template::{Combination, Expander, describe};
use crate::unread::UnreadKeys;
use crate::{not_known, schema, services};

/// Each combination of a matrix finds the same mistake again; it is told once.
pub(crate) fn note(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.iter().any(|known| known.repeats(&problem)) {
        problems.push(problem);
    }
}

/// Reads what can be read of each combination, and notes what is wrong.
pub(crate) struct Loader<'a> {
    pub(crate) source: &'a Source,
    pub(crate) folder: &'a Path,
    pub(crate) surroundings: Surroundings<'a>,
    /// Every combination may name the same file: it is read once.
    pub(crate) files: BTreeMap<PathBuf, (Option<Contents>, Vec<Problem>)>,
    /// The same for requirements files.
    pub(crate) reader: Reader<'a>,
    pub(crate) notes: Vec<Note>,
    pub(crate) problems: Vec<Problem>,
    /// What is left out for them.
    pub(crate) unread: UnreadKeys,
}

impl Loader<'_> {
    /// What can be read of each combination of the matrix.
    pub(crate) fn drafts(&mut self, root: &Node) -> Vec<Draft> {
        let combinations = matrix::read(root, self.source).unwrap_or_else(|problems| {
            self.problems = problems;
            Combinations::none()
        });
        let known = self.problems.is_empty();
        let mut used = BTreeSet::new();
        let mut drafts = Vec::new();
        for keys in &combinations.all {
            let mut problems = Vec::new();
            drafts.extend(self.draft(root, keys, known, &mut used, &mut problems));
            problems.into_iter().for_each(|problem| note(&mut self.problems, problem));
        }
        for key in combinations.keys.iter().filter(|key| !used.contains(&key.value)) {
            let name = &key.value;
            let hint = format!("write `{{{name}}}` where its value belongs, or remove the key");
            let problem = Problem::new(SpecMistake::UnusedMatrixKey { key: name.clone() });
            self.problems.push(problem.at(self.source, key.span.clone(), "not used").hint(hint));
        }
        if self.problems.is_empty() {
            let tags = root.get("tags");
            let place = tags.or_else(|| root.get("matrix")).unwrap_or(root).span.clone();
            self.problems.extend(shared_tags(&drafts, (place, tags.is_some()), self.source));
        }
        drafts
    }

    /// What can be read of one combination. `known` says whether the matrix is.
    fn draft(
        &mut self,
        root: &Node,
        keys: &Combination,
        known: bool,
        used: &mut BTreeSet<String>,
        problems: &mut Vec<Problem>,
    ) -> Option<Draft> {
        let source = self.source;
        let mut expander =
            Expander { source, values: keys, used: BTreeSet::new(), problems: Vec::new(), own: &[], known };
        let expanded = expander.document(root);
        used.append(&mut expander.used);
        problems.append(&mut expander.problems);
        let (document, errors) = decode_required::<Document>(&expanded, "", schema::requires);
        let label = |span: &std::ops::Range<usize>| label(source, span, keys);
        self.unread.paths.extend(unreadable(&expanded, ""));
        for error in &errors {
            let unread =
                if error.is_unknown_key() { &mut self.unread.unknown } else { &mut self.unread.paths };
            unread.extend(error.place().map(|(_, path)| path.to_owned()));
        }
        problems.extend(errors.into_iter().map(|error| not_known::told(error).problem(source, label)));
        problems.extend(services::secret_variables(&expanded, source));
        let mut document = document?;
        if root.get("name").is_none() {
            let problem = Problem::new(Mistake::MissingKey { key: "name".to_owned() });
            problems.push(problem.at(source, root.span.clone(), label(&root.span)));
        }
        let environment = self.named_file(document.env.as_ref(), keys, problems);
        let asks_for_wheels = document.pip.is_some()
            || environment.as_ref().is_some_and(|environment| environment.pip.is_some());
        let services = services::wheels(&document, asks_for_wheels, source);
        let table = document.pip.take().map(|located| located.value).unwrap_or_default();
        let pip = self.section(table.clone(), None, environment.as_ref(), services, problems);
        let suite = document.base.as_ref().map_or(Some(Suite::default()), |base| base.value.suite());
        problems.extend(pip.check_writable(python_from(&document), suite));
        let mut environments = Vec::new();
        for (name, located) in std::mem::take(&mut document.envs) {
            let origin = located.origin(source);
            let mut its = located.value;
            let environment = self.named_file(its.env.as_ref(), keys, problems);
            let pip = self.section(its.take_pip(), Some(&table), environment.as_ref(), Vec::new(), problems);
            environments.push(NamedEnvironment { name, origin, table: its, environment, pip });
        }
        let context = Context { source, folder: self.folder, keys, environment, pip, environments };
        let (draft, found) = Draft::new(document, context);
        // What is elsewhere is not opened.
        let is_elsewhere =
            found.iter().any(|problem| matches!(problem.mistake(), Some(Mistake::LeadsOut(_))));
        self.unread.paths.extend(is_elsewhere.then(|| "base.layout".to_owned()));
        problems.extend(found.into_iter().filter(|problem| !self.unread.explains(problem)));
        draft
    }

    /// What can be read of the environment of a file that a key `env` names.
    fn named_file(
        &mut self,
        env: Option<&Located<EnvKey>>,
        keys: &Combination,
        problems: &mut Vec<Problem>,
    ) -> Option<Environment> {
        let (environment, found) = self.environment(env?, keys);
        self.unread.paths.extend(env.filter(|_| !found.is_empty()).map(|env| env.key.clone()));
        problems.extend(found);
        note::add(&mut self.notes, environment.iter().flat_map(|it| it.notes.iter().cloned()));
        environment
    }

    /// What a section and the files that it names say of wheels.
    fn section(
        &mut self,
        table: PipTable,
        shared: Option<&PipTable>,
        environment: Option<&Environment>,
        services: Vec<ServicePackage>,
        problems: &mut Vec<Problem>,
    ) -> Section {
        let lines = environment.and_then(|environment| environment.pip.clone());
        let (pip, found) = Section::read(table, shared, lines, services, &mut self.reader, self.source);
        self.unread.paths.extend((!found.is_empty()).then(|| "pip".to_owned()));
        problems.extend(found);
        note::add(&mut self.notes, pip.notes().iter().cloned());
        pip
    }

    /// What can be read of the environment that `env` names, and what is wrong with it.
    fn environment(
        &mut self,
        env: &Located<EnvKey>,
        keys: &Combination,
    ) -> (Option<Environment>, Vec<Problem>) {
        let (file, choice) = match &env.value {
            EnvKey::Short(file) => (
                Located { value: file.clone(), span: env.span.clone(), key: env.key.clone() },
                Choice::default(),
            ),
            EnvKey::Table(table) => (table.file.clone(), self.choice(table)),
        };
        let (contents, mut problems) = self.contents(&file.value, file.span.clone(), keys);
        let chosen = contents.map(|it| it.choose(&choice, &file.value, &file.origin(self.source)));
        let environment = chosen.and_then(|chosen| chosen.map_err(|found| problems.extend(found)).ok());
        (environment, problems)
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
    ) -> (Option<Contents>, Vec<Problem>) {
        let path = self.folder.join(name);
        if let Some(known) = self.files.get(&path) {
            return known.clone();
        }
        let place = |problem: Problem| match problem.origin() {
            Some(_) => problem,
            None => problem.at(self.source, span.clone(), label(self.source, &span, keys)),
        };
        let Surroundings { read, variables } = self.surroundings;
        let text = match beneath::problem(self.folder, Path::new(name)) {
            Some(problem) => Err(problem),
            None => files::text(&path, imgbuild_environment::limit(&path), read),
        };
        let (contents, problems) = match text {
            Ok(source) => imgbuild_environment::read(&source, variables),
            Err(problem) => (None, vec![problem]),
        };
        let result = (contents, problems.into_iter().map(place).collect());
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
