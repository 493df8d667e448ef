//! Which requirement, constraint or conda package leaves nothing to choose.

use std::collections::BTreeSet;

use crate::choosing::explanation::Explanation;
use crate::choosing::locking::Run;
use crate::choosing::locking_error::LockingError;
use crate::choosing::provided::ProvidedPackage;
use crate::choosing::request::Requirement;
use crate::choosing::said;

impl Run<'_> {
    /// What is there already contradicts a requirement.
    pub(crate) fn conflict(
        &self,
        requirement: Option<usize>,
        package: &ProvidedPackage,
        explanation: Option<String>,
    ) -> LockingError {
        let wanted = requirement.and_then(|index| self.request.requirements.get(index));
        let (explanation, hints) = explanation.as_deref().map(said::parted).unzip();
        LockingError::Conflict {
            requirement,
            wanted: match wanted {
                Some(wanted) => format!("the pip requirement `{}`", wanted.text()).into(),
                None => "what the wheels require".into(),
            },
            holder: Box::new(package.holder.clone()),
            provided: self.provided_title(package).into(),
            explanation: explanation.map(String::into_boxed_str),
            constraint: None,
            hints: hints.unwrap_or_default().into(),
        }
    }

    /// The place of the first requirement of which uv speaks.
    pub(crate) fn blamed(&self, explanation: &str) -> Option<usize> {
        let said = explanation.split("you require ").skip(1);
        let end = |it: char| !it.is_ascii_alphanumeric() && !"-_.".contains(it);
        said.filter_map(|rest| self.place(&crate::normalized(rest.split(end).next()?))).next()
    }

    /// Hints for names that no index has and that are nearly those of projects that many use.
    fn mistyped(&self, explanation: &str) -> Vec<String> {
        let absent =
            |name: &String| explanation.contains(&format!("{name} was not found in the package registry"));
        let names: BTreeSet<String> =
            self.request.requirements.iter().filter_map(Requirement::name).collect();
        let hint = |name: String| {
            let near =
                imgbuild_document::suggest::nearest(&name, crate::choosing::projects::USED.iter().copied())
                    .filter(|near| *near != name)?;
            Some(format!("no index has `{name}`: did you mean `{near}`?"))
        };
        names.into_iter().filter(absent).filter_map(hint).collect()
    }

    /// Why nothing can be chosen: often because conda has another version.
    pub(crate) fn unsatisfiable(&self, explanation: &str, target: String) -> LockingError {
        let requirement = self.blamed(explanation);
        let said = Explanation::read(explanation);
        let leaving_out = |package: &ProvidedPackage| {
            let version = package.known_version(&self.metadata)?;
            said.required().iter().find(|it| it.name == package.name && !it.versions.contains(&version))
        };
        let left_out = |package: &&ProvidedPackage| leaving_out(package).is_some();
        // uv says so of what only one version is offered of, and of what it was kept from by what others require.
        let is_only = |package: &&ProvidedPackage| {
            let name = &package.name;
            let only = format!("only {name}");
            let mut found = explanation.split(only.as_str()).skip(1);
            found.any(|rest| rest.starts_with(['<', '>', '=', '!', '~', ' ']))
                || explanation.contains(&format!("only the following versions of {name} are available"))
        };
        let provided = &self.request.provided;
        match provided.iter().find(left_out).or_else(|| provided.iter().find(is_only)) {
            Some(package) => {
                let at_fault = leaving_out(package).and_then(|it| self.place(&it.by)).or(requirement);
                self.constraint_conflict(at_fault, package)
                    .unwrap_or_else(|| self.conflict(at_fault, package, Some(explanation.to_owned())))
            }
            None => {
                let (note, constraints) = self.constraints_of(&said);
                let mistyped = self.mistyped(explanation);
                let (explanation, mut hints) = said::parted(explanation);
                hints.extend(note.into_iter().chain(mistyped));
                let hint = said::hint(&hints);
                LockingError::Unsatisfiable { requirement, target, explanation, constraints, hint }
            }
        }
    }

    /// A constraint leaves out what conda provides: uv reads it into what packages require.
    fn constraint_conflict(
        &self,
        requirement: Option<usize>,
        package: &ProvidedPackage,
    ) -> Option<LockingError> {
        let version = package.known_version(&self.metadata)?;
        let limits = self.limits().remove(&package.name)?;
        let limit =
            limits.into_iter().find(|it| it.constraint.is_some() && !it.versions.contains(&version))?;
        Some(LockingError::Conflict {
            requirement,
            wanted: limit.what.into(),
            holder: Box::new(package.holder.clone()),
            provided: self.provided_title(package).into(),
            explanation: None,
            constraint: limit.constraint,
            hints: Box::default(),
        })
    }

    /// The constraints that take part in what uv says, and a hint that names them: it speaks of them as if packages required
    /// them.
    fn constraints_of(&self, said: &Explanation) -> (Option<String>, Vec<usize>) {
        let (mut named, mut places) = (Vec::new(), Vec::new());
        for (name, limits) in self.limits() {
            for limit in limits {
                let Some(place) = limit.constraint.filter(|_| said.speaks_of(&name, &limit.versions)) else {
                    continue;
                };
                named.push(format!("`{name}{}`", limit.versions));
                places.push(place);
            }
        }
        let note = match named.as_slice() {
            [] => None,
            [only] => Some(format!("{only} is a constraint")),
            several => Some(format!("{} are constraints", several.join(" and "))),
        };
        (note, places)
    }
}
