//! What may be built, and what is said where it may not.

use std::collections::BTreeSet;
use std::path::Path;

use imgbuild_spec::AllowBuilds;

use crate::choosing::building::ProjectSource;
use crate::choosing::locking_error::LockingError;
use crate::choosing::request::Requirement;
use crate::choosing::tags::Tags;
use crate::lists::pylock::Choice;
use crate::lists::pylock_error::PylockError;

/// What of requirements is refused before anybody is asked for anything: all of it, each with its place in the list.
pub fn refused_requirements<'a>(
    requirements: impl Iterator<Item = (usize, &'a Requirement)> + Clone,
    require_hashes: bool,
    allow_builds: &AllowBuilds,
) -> Vec<LockingError> {
    let stated = requirements.clone().filter_map(|(place, it)| it.stated(place, require_hashes).err());
    let sources = requirements.filter_map(|(place, it)| Some((Some(place), it.source.as_ref()?)));
    stated.chain(allow_builds.permit(sources).err()).collect()
}

/// What may be built, held against what there is.
pub trait Permission {
    /// Whether the project of this name, where it is known, may be built.
    fn may_build(&self, name: Option<&str>) -> bool;

    /// What of a lock file's choices may be had. Sources of which no wheel fits, and that may not be built, are refused: all of
    /// them at once.
    ///
    /// # Errors
    ///
    /// When there are any, with the wheels that they have.
    fn permitted(&self, choices: Vec<Choice>, tags: &Tags) -> Result<Vec<Choice>, PylockError>;

    /// Refuses sources of which not all may be built, with all that may not. Each comes with its place among the requirements,
    /// where it has one.
    ///
    /// # Errors
    ///
    /// When one may not be built.
    fn permit<'a>(
        &self,
        sources: impl IntoIterator<Item = (Option<usize>, &'a ProjectSource)>,
    ) -> Result<(), LockingError>;
}

impl Permission for AllowBuilds {
    fn may_build(&self, name: Option<&str>) -> bool {
        match self {
            Self::None => false,
            Self::Named(_) => name.is_some_and(|name| self.allows(name)),
            Self::All => true,
        }
    }

    fn permitted(&self, choices: Vec<Choice>, tags: &Tags) -> Result<Vec<Choice>, PylockError> {
        let (mut permitted, mut unfit) = (Vec::new(), Vec::new());
        for choice in choices {
            match choice {
                Choice::Source { refused: Some(error), source, .. } if !self.may_build(source.name()) => {
                    match error {
                        PylockError::NoWheel { packages, .. } => unfit.extend(packages),
                        error => return Err(error),
                    }
                }
                choice => permitted.push(choice),
            }
        }
        if unfit.is_empty() { Ok(permitted) } else { Err(PylockError::no_wheel(unfit, tags)) }
    }

    fn permit<'a>(
        &self,
        sources: impl IntoIterator<Item = (Option<usize>, &'a ProjectSource)>,
    ) -> Result<(), LockingError> {
        let named = sources.into_iter().map(|(place, source)| (place, named(source.clone())));
        let refused: Vec<_> = named.filter(|(_, source)| !self.may_build(source.name())).collect();
        if refused.is_empty() { Ok(()) } else { Err(refused_builds(self, refused)) }
    }
}

/// What is said where sources may not be built.
pub(crate) fn refused_builds(
    allow_builds: &AllowBuilds,
    refused: Vec<(Option<usize>, ProjectSource)>,
) -> LockingError {
    let names: Vec<&str> = refused.iter().filter_map(|(_, source)| source.name()).collect();
    let it = if refused.len() == 1 { "it" } else { "them" };
    let hint = if names.len() == refused.len() {
        let allowed = key_with(allow_builds, names);
        format!("`{allowed}` in `[pip]` lets imgbuild build {it}, in the sandbox")
    } else {
        format!(
            "`allow-builds = true` in `[pip]` lets imgbuild build {it}, in the sandbox; so does its name, where the \
             requirement says that: `name @ …`"
        )
    };
    LockingError::NotPermitted {
        requirement: refused.iter().find_map(|(place, _)| *place),
        what: refused.iter().map(|(_, it)| (it.name().map(str::to_owned), it.to_string())).collect(),
        hint,
    }
}

/// The line of a spec that allows these as well.
pub(crate) fn key_with<'a>(allow_builds: &AllowBuilds, more: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = match allow_builds {
        AllowBuilds::Named(names) => names.iter().map(ToString::to_string).collect(),
        _ => BTreeSet::new(),
    };
    names.extend(more.into_iter().map(str::to_owned));
    let names: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    format!("allow-builds = [{}]", names.join(", "))
}

/// A source with the name that the project states, where nobody else does.
pub(crate) fn named(mut source: ProjectSource) -> ProjectSource {
    if let ProjectSource::Folder { name: name @ None, path, .. } = &mut source {
        *name = project_name(path);
    }
    source
}

/// The name that a project's `pyproject.toml` states, where it does.
fn project_name(folder: &Path) -> Option<String> {
    let text = String::from_utf8(imgbuild_folder::read_regular(&folder.join("pyproject.toml")).ok()?).ok()?;
    let table: toml::Table = text.parse().ok()?;
    Some(crate::normalized(table.get("project")?.get("name")?.as_str()?))
}
