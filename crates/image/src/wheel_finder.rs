//! What finds the wheels of a variant, and errors of finding them with the lines of the spec that they speak of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_environment::ListedPackages;
use imgbuild_fetch::{Context, secrets};
use imgbuild_lock::LockedVariant;
use imgbuild_pypi::{
    FinderParts, ListedError, PackageFinder, Request, Settings, allow_builds, indexes, requirement,
};
use imgbuild_requirement::PipRequirement;
use imgbuild_spec::{Pip, PipPackages, Variant};

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
        allow_builds: allow_builds(pip),
        cuda: variant.cuda.as_ref().map(|cuda| cuda.version.to_string()),
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
pub(crate) fn finder_of_lock(
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

/// A folder from the root on; one without a name is the current one.
pub fn absolute(folder: &Path) -> Result<PathBuf, MakeError> {
    let found = std::path::absolute(folder.join("."));
    found.map_err(|error| MakeError::File { path: folder.to_owned(), what: "found", error })
}

/// An error with the lines of the spec that it speaks of.
pub fn pypi_error(variant: &Variant, pip: Option<&Pip>, error: imgbuild_pypi::LockingError) -> MakeError {
    let mut asked = Vec::new();
    let snippet =
        |origin: &imgbuild_document::Origin| origin.snippet("it was asked for here", "this requirement");
    if let Some(Pip { packages, .. }) = pip {
        match packages {
            PipPackages::Requirements(requirements) => {
                let spoken_of = error.requirement().and_then(|index| requirements.get(index));
                asked.extend(spoken_of.map(|requirement| snippet(&requirement.origin)));
            }
            PipPackages::Pylock(file) => asked.push(file.origin.snippet("it was named here", "this file")),
            PipPackages::Listed(listed) => {
                let spoken_of = error.requirement().and_then(|index| listed.packages.get(index));
                asked.extend(spoken_of.map(|package| snippet(&package.origin)));
            }
        }
    }
    let constraints = pip.map(|pip| pip.constraints.as_slice()).unwrap_or_default();
    let spoken_of = error.constraints().into_iter().filter_map(|index| constraints.get(index));
    asked.extend(spoken_of.map(|it| it.origin.snippet("a limit is set here", "this constraint")));
    if let (imgbuild_pypi::LockingError::Conflict { package, .. }, Some(conda)) = (&error, &variant.conda)
        && let imgbuild_spec::CondaPackages::Requirements(requirements) = &conda.packages
    {
        let conda_name = package.split(' ').next().unwrap_or_default();
        let name = |requirement: &&imgbuild_requirement::Requirement| {
            imgbuild_environment::match_spec_name(requirement.text.whole())
        };
        let asks = requirements.iter().find(|requirement| name(requirement) == conda_name);
        asked.extend(asks.map(|it| it.origin.snippet("conda was asked for it here", "this requirement")));
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
        ListedError::LeadsOut { path, found } => WheelsFailure::LeadsOut { path, found }.into(),
        ListedError::Location { path, error } => MakeError::File { path, what: "found", error },
    }
}
