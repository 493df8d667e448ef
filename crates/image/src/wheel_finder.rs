//! What finds the wheels of a variant, and errors of finding them with the lines of the spec that they speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_diagnostic::Subject;
use imgbuild_environment::{ListedPackages, match_spec_name};
use imgbuild_fetch::{Context, secrets};
use imgbuild_lock::{LockedVariant, PypiPackage};
use imgbuild_oci::Digest;
use imgbuild_pypi::{
    FinderParts, ListedError, PackageFinder, Request, Settings, indexes, pytorch, requirement,
};
use imgbuild_requirement::PipRequirement;
use imgbuild_secret::SecretUrl;
use imgbuild_spec::{CondaPackages, Pip, PipPackages, Variant};

use crate::asked::{Line, asked};
use crate::error::{MakeError, WheelsFailure};
use crate::wheels_python::WheelsPython;

/// What finds wheels for a variant and its Python.
///
/// # Errors
///
/// When the settings of an index are damaged, or a path of the spec is none.
pub fn finder(
    variant: &Variant,
    pip: &Pip,
    python: &WheelsPython,
    context: &Context,
) -> Result<PackageFinder, MakeError> {
    let context = &context.knowing(&secrets(variant, &[], context));
    let folder = absolute(&context.folder)?;
    let mut variables = context.variables.clone();
    if context.fetcher.client().is_offline() {
        variables.insert("UV_OFFLINE".to_owned(), "1".to_owned());
    }
    let settings = Settings::read(&variables, &folder, &indexes(pip, &folder))
        .map_err(|error| pypi_error(variant, None, imgbuild_pypi::LockingError::from(error)))?;
    let requirements: &[PipRequirement] = match &pip.packages {
        PipPackages::Requirements(requirements) => requirements,
        PipPackages::Pylock(_) | PipPackages::Listed(_) => &[],
    };
    let asked = requirements.iter().enumerate().map(|(index, given)| {
        let unusable = |rule: String| imgbuild_pypi::LockingError::Unusable {
            requirement: index,
            what: format!("`{}`", given.text),
            rule,
        };
        requirement(given, &folder, &variables).map_err(|rule| pypi_error(variant, Some(pip), unusable(rule)))
    });
    let request = Request {
        requirements: asked.collect::<Result<_, _>>()?,
        constraints: pip.constraints.iter().map(|it| it.text.clone()).collect(),
        prereleases: pip.prereleases,
        environment: python.environment.clone(),
        folder,
        allow_builds: pip.allow_builds.clone(),
        cuda: variant.cuda.as_ref().map(|cuda| cuda.version.to_string()),
        pytorch: pytorch(pip, variant.cuda.as_ref().map(|cuda| cuda.version.numbers())),
        provided: Vec::new(),
        require_hashes: pip.require_hashes,
        earlier: Vec::new(),
    };
    let client = context.fetcher.client().with_layers([settings.layer()]);
    let parts = FinderParts {
        settings,
        archives: Arc::new(context.fetcher.with_client(client.clone())),
        client,
        store: context.store.clone(),
        host: context.host,
        programs: context.variables.get("PATH").cloned().unwrap_or_default().into(),
    };
    Ok(PackageFinder::new(request, parts))
}

/// What finds the wheels of a locked variant; nothing where it has none.
///
/// # Errors
///
/// As for [`finder`].
pub fn finder_of_lock(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    context: &Context,
) -> Result<Option<PackageFinder>, MakeError> {
    let (Some(pypi), Some(pip)) = (&locked.pypi, &variant.pip) else { return Ok(None) };
    let python = WheelsPython::new(locked, variant)?;
    // What is built is asked for when it is.
    let packages = pypi.packages.iter().filter(|package| package.build.is_none());
    let packages = packages.map(|package| (*package).clone());
    Ok(Some(finder(variant, pip, &python, context)?.knowing(packages)))
}

/// Where the wheels of a locked variant are, and the sources of those that were built, by their hashes.
///
/// # Errors
///
/// As for [`finder`], and when no index has one any more.
pub async fn locate_wheels(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    context: &Context,
) -> Result<BTreeMap<Digest, SecretUrl>, MakeError> {
    let Some(finder) = finder_of_lock(locked, variant, context)? else { return Ok(BTreeMap::new()) };
    let packages: Vec<&PypiPackage> = locked.pypi.iter().flat_map(|pypi| &pypi.packages).copied().collect();
    let located = finder.locate(&packages, false).await;
    located.map_err(|error| pypi_error(variant, variant.pip.as_ref(), error))
}

/// A folder from the root on; one without a name is the current one.
pub fn absolute(folder: &Path) -> Result<PathBuf, MakeError> {
    let found = std::path::absolute(folder.join("."));
    found.map_err(MakeError::file(folder, "found"))
}

/// An error with the lines of the spec that it speaks of.
pub fn pypi_error(variant: &Variant, pip: Option<&Pip>, error: imgbuild_pypi::LockingError) -> MakeError {
    let mut lines = Vec::new();
    let requirement = |(index, origin)| Line::new(Subject::Requirement(index), origin, "this requirement");
    match pip.map(|pip| &pip.packages) {
        Some(PipPackages::Requirements(requirements)) => {
            lines.extend(requirements.iter().map(|it| &it.origin).enumerate().map(requirement));
        }
        Some(PipPackages::Listed(listed)) => {
            lines.extend(listed.packages.iter().map(|it| &it.origin).enumerate().map(requirement));
        }
        Some(PipPackages::Pylock(_)) | None => {}
    }
    // In the order in which the error speaks of them.
    let constraints = pip.map(|pip| pip.constraints.as_slice()).unwrap_or_default();
    for (index, given) in error.constraints().into_iter().filter_map(|it| Some((it, constraints.get(it)?))) {
        let line = Line::new(Subject::Constraint(index), &given.origin, "this constraint");
        lines.push(line.saying("a limit is set here"));
    }
    if let Some(CondaPackages::Requirements(requirements)) = variant.conda.as_ref().map(|it| &it.packages) {
        let mut named = BTreeSet::new();
        for given in requirements {
            let name = match_spec_name(given.text.whole());
            if named.insert(name.clone()) {
                let line = Line::new(Subject::Beneath(name), &given.origin, "this requirement");
                lines.push(line.saying("conda was asked for it here"));
            }
        }
    }
    if let Some((_, origin)) = variant.base.existing() {
        lines.push(Line::new(Subject::Base, origin, "this base").saying("the base was named here"));
    }
    let mut asked = asked(&error, lines);
    if let Some(PipPackages::Pylock(file)) = pip.map(|pip| &pip.packages) {
        asked.insert(0, file.origin.snippet("it was named here", "this file"));
    }
    WheelsFailure::Pypi { variant: crate::variant_name::variant_name(variant), error: Box::new(error), asked }
        .into()
}

/// A package of another tool's lock that cannot be taken, with its line.
pub fn listed_error(listed: &ListedPackages, error: ListedError) -> MakeError {
    match error {
        ListedError::OtherWheel { place, wheel, listed: name } => {
            let origin = listed.packages.get(place).map(|package| &package.origin);
            let asked = origin.map(|origin| origin.snippet("it is listed here", "this package"));
            WheelsFailure::OtherWheel { wheel, listed: name, asked: asked.into_iter().collect() }.into()
        }
        ListedError::LeadsOut(link) => WheelsFailure::LeadsOut(link).into(),
        ListedError::Location { path, error } => MakeError::file(&path, "found")(error),
    }
}
