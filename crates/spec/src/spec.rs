//! Loading a spec.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imgbuild_document::files::{self, Surroundings};
use imgbuild_document::{DocumentError, FILE_LIMIT, Note, Problem, Source, toml_tree};
use imgbuild_environment::no_requirements;
use imgbuild_oci::Platform;
use imgbuild_requirement::Reader;

use crate::draft::Draft;
use crate::loader::{Loader, note};
use crate::unread::UnreadKeys;
use crate::variant::Variant;

/// A spec, with every file that it names read, and every combination of its matrix checked.
#[derive(Debug, Clone)]
pub struct Spec {
    source: Source,
    folder: PathBuf,
    drafts: Vec<Draft>,
    notes: Vec<Note>,
}

/// A spec that is wrong: all that is wrong with it, and what could be read of it.
#[derive(Debug)]
pub struct WrongSpec {
    /// What is wrong.
    pub error: DocumentError,
    /// The rest, with the variants that it makes: what is wrong with them is not known yet.
    pub rest: Option<(Spec, Vec<Variant>)>,
    unread: UnreadKeys,
}

impl WrongSpec {
    /// Whether the rest may lack what the spec says of a key.
    pub fn may_lack(&self, key: &str) -> bool {
        self.unread.may_lack(key)
    }
}

impl Spec {
    /// Reads and checks a spec and the files that its `env` and `[pip]` name.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or breaks a rule of the language: all mistakes that can be told apart at once.
    pub fn load(path: &Path) -> Result<Self, DocumentError> {
        Self::load_with(path, from_disk())
    }

    /// The same, with every image to build: see [`Spec::variants`].
    ///
    /// # Errors
    ///
    /// When anything is wrong with the spec or a variant. What is right in it comes along, so that whoever checks more can
    /// tell everything at once.
    pub fn load_variants(path: &Path, host: Platform) -> Result<(Self, Vec<Variant>), Box<WrongSpec>> {
        Self::load_variants_with(path, host, from_disk())
    }

    /// The same of a spec that has another text than the file, which need not be there.
    ///
    /// # Errors
    ///
    /// When anything is wrong with the spec or a variant.
    pub fn load_variants_of_text(
        path: &Path,
        text: &str,
        host: Platform,
    ) -> Result<(Self, Vec<Variant>), Box<WrongSpec>> {
        let read = |file: &Path, limit: usize| match file == path {
            true => Ok(text.as_bytes().to_vec()),
            false => files::from_disk(file, limit),
        };
        Self::load_variants_with(path, host, Surroundings { read: &read, ..from_disk() })
    }

    pub(crate) fn load_variants_with(
        path: &Path,
        host: Platform,
        surroundings: Surroundings<'_>,
    ) -> Result<(Self, Vec<Variant>), Box<WrongSpec>> {
        let (spec, mut problems, unread) = Self::read(path, surroundings);
        let rest = spec.map(|spec| {
            let (variants, found) = spec.readable_variants(host);
            let told = found.into_iter().filter(|problem| !unread.explains(problem));
            told.for_each(|problem| note(&mut problems, problem));
            (spec, variants)
        });
        match rest {
            Some(rest) if problems.is_empty() => Ok(rest),
            rest => Err(Box::new(WrongSpec {
                error: DocumentError::new(&path.display().to_string(), problems),
                rest,
                unread,
            })),
        }
    }

    pub(crate) fn load_with(path: &Path, surroundings: Surroundings<'_>) -> Result<Self, DocumentError> {
        match Self::read(path, surroundings) {
            (Some(spec), problems, _) if problems.is_empty() => Ok(spec),
            (_, problems, _) => Err(DocumentError::new(&path.display().to_string(), problems)),
        }
    }

    /// What can be read of a spec, what is wrong with it, and what is left out for that.
    fn read(path: &Path, surroundings: Surroundings<'_>) -> (Option<Self>, Vec<Problem>, UnreadKeys) {
        let source = match files::text(path, FILE_LIMIT, surroundings.read) {
            Ok(source) => source,
            Err(problem) => return (None, vec![problem], UnreadKeys::default()),
        };
        let (root, mut problems) = toml_tree::read(&source);
        let Some(root) = root else { return (None, problems, UnreadKeys::default()) };
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let mut loader = Loader {
            source: &source,
            folder: &folder,
            surroundings,
            files: BTreeMap::new(),
            reader: Reader::new(&folder, surroundings, no_requirements),
            notes: Vec::new(),
            problems: Vec::new(),
            unread: UnreadKeys::default(),
        };
        let drafts = loader.drafts(&root);
        let Loader { notes, problems: found, unread, .. } = loader;
        problems.extend(found);
        (Some(Self { source, folder, drafts, notes }), problems, unread)
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
    pub fn variants(&self, host: Platform) -> Result<Vec<Variant>, DocumentError> {
        let (variants, problems) = self.readable_variants(host);
        if problems.is_empty() { Ok(variants) } else { Err(DocumentError::new(self.file(), problems)) }
    }

    /// Every image that can be made of what is there, and what is wrong.
    fn readable_variants(&self, host: Platform) -> (Vec<Variant>, Vec<Problem>) {
        let mut variants = Vec::new();
        let mut problems = Vec::new();
        for draft in &self.drafts {
            for platform in draft.platforms.as_deref().unwrap_or(&[host]) {
                let (variant, found) = draft.variant(*platform);
                variants.extend(variant);
                found.into_iter().for_each(|problem| note(&mut problems, problem));
            }
        }
        (variants, problems)
    }
}

/// The machine's files and variables.
fn from_disk() -> Surroundings<'static> {
    Surroundings { read: &files::from_disk, variables: &files::variable }
}
