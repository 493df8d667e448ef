//! What can be known of a spec without the network: `check` tells it, and locking and building begin with it.

use std::path::Path;

use conda::ChannelError;
use pypi::{Environment, Target};
use spec::{Base, CondaPackages, FindLinks, Pip, PipPackages, RequirementSource, Spec, Variant};

use crate::conda_errors::{chain, channel_error, conda_error};
use crate::copying::Copies;
use crate::debian_base::{expanded, keyring, repository, snapshot_mirror};
use crate::locking::match_specs;
use crate::other_locks::locked_error;
use crate::wheel_index::{absolute, indexes, pypi_error};
use crate::{BuildError, Context, building, foundation};

/// Checks everything that locking and building would refuse without having asked anybody: all mistakes at once.
///
/// # Errors
///
/// When anything is wrong.
pub fn validate(spec: &Spec, variants: &[Variant], context: &Context) -> Result<(), BuildError> {
    let mut mistakes = locking_mistakes(spec, variants, context);
    mistakes.extend(copying_mistakes(spec, variants.iter()));
    told(spec, mistakes)
}

/// The same of locking alone, which needs nothing of what is copied.
pub(crate) fn validate_locking(
    spec: &Spec,
    variants: &[Variant],
    context: &Context,
) -> Result<(), BuildError> {
    told(spec, locking_mistakes(spec, variants, context))
}

/// The same of what is copied, without which nothing is built.
pub(crate) fn validate_copying<'a>(
    spec: &Spec,
    variants: impl Iterator<Item = &'a Variant>,
) -> Result<(), BuildError> {
    told(spec, copying_mistakes(spec, variants))
}

/// What a person should know of a spec's files, and that stops nothing.
pub fn notes(spec: &Spec, variants: &[Variant], context: &Context) -> Vec<String> {
    let mut notes: Vec<String> = spec.notes().iter().map(ToString::to_string).collect();
    let links = variants.iter().filter_map(|variant| variant.pip.as_ref()).flat_map(|pip| &pip.find_links);
    for link in links {
        let FindLinks::Path(path) = link else { continue };
        let note = format!("`--find-links {}` does nothing: there is no such folder", path.display());
        if !context.folder.join(path).exists() && !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// One error for all mistakes; each is told once, whichever variants have it.
fn told(spec: &Spec, mistakes: Vec<BuildError>) -> Result<(), BuildError> {
    let mut errors: Vec<BuildError> = Vec::new();
    for mistake in mistakes {
        if !errors.iter().any(|known| essence(known) == essence(&mistake)) {
            errors.push(mistake);
        }
    }
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(BuildError::Mistakes { spec: spec.file().to_owned(), errors }),
    }
}

/// What an error says, but for the variant.
fn essence(error: &BuildError) -> String {
    match error {
        BuildError::Conda { error, asked, .. } => format!("{} {asked:?}", chain(error)),
        BuildError::Pypi { error, asked, .. } => format!("{} {asked:?}", chain(error)),
        BuildError::Locked { error, file, .. } => format!("{} {file}", chain(error)),
        error => chain(error),
    }
}

fn locking_mistakes(spec: &Spec, variants: &[Variant], context: &Context) -> Vec<BuildError> {
    let mut mistakes = Vec::new();
    for variant in variants {
        mistakes.extend(base(variant, context));
        if let Some(conda) = &variant.conda {
            mistakes.extend(packages(variant, conda));
            mistakes.extend(channels(variant, conda, spec.folder(), context));
        }
        if let Some(pip) = &variant.pip {
            mistakes.extend(wheels(variant, pip, context));
        }
    }
    mistakes
}

fn copying_mistakes<'a>(spec: &Spec, variants: impl Iterator<Item = &'a Variant>) -> Vec<BuildError> {
    let copies = variants.flat_map(|variant| &variant.copy);
    copies.filter_map(|copy| Copies::check(spec.folder(), std::slice::from_ref(copy)).err()).collect()
}

fn base(variant: &Variant, context: &Context) -> Vec<BuildError> {
    match &variant.base {
        Base::Scratch => Vec::new(),
        Base::Debian(base) => {
            let variables = &context.variables;
            let mirror = base.mirror.as_ref().map(|mirror| expanded(mirror.secret(), variables));
            let usual = debian::Mirror::choose(mirror.as_ref(), &context.apt, base.suite.as_str());
            let usual = match (usual, &base.snapshot) {
                (Err(debian::MirrorError::Unknown { .. }), Some(_)) => Ok(()),
                (usual, _) => usual.map(drop).map_err(BuildError::from),
            };
            let snapshot = base.snapshot.as_ref().map(|it| snapshot_mirror(it, variables)).transpose();
            let repositories = base.sources.iter().map(|it| repository(it, variables).map(drop));
            [usual, snapshot.map(drop).map_err(BuildError::from), keyring(base.keyring.as_ref()).map(drop)]
                .into_iter()
                .chain(repositories)
                .filter_map(Result::err)
                .collect()
        }
        Base::Layout(layout) => {
            let locked = foundation::lock(variant, layout, context);
            let glibc = match (&locked, &variant.conda) {
                (Ok(_), Some(_)) => foundation::glibc(variant, layout, context).err(),
                _ => None,
            };
            locked.err().into_iter().chain(glibc).collect()
        }
    }
}

/// What is asked for of conda's packages.
fn packages(variant: &Variant, conda: &spec::Conda) -> Vec<BuildError> {
    if let CondaPackages::Locked(locked) = &conda.packages {
        let checked = conda::check_locked(&locked.packages, conda::subdir(variant.platform));
        return checked.err().map(|error| locked_error(variant, locked, error)).into_iter().collect();
    }
    let specs = match_specs(variant, conda);
    let wrong = specs.iter().filter_map(|text| conda::match_spec(text).err());
    wrong.map(|error| conda_error(variant, conda, error.into())).collect()
}

fn channels(variant: &Variant, conda: &spec::Conda, folder: &Path, context: &Context) -> Vec<BuildError> {
    let settings = match context.channel_settings() {
        Ok(settings) => settings,
        Err(error) => return vec![error.into()],
    };
    let place = conda::Place { root: folder, variables: &context.variables, settings: &settings };
    let names = conda.channels.iter().map(|channel| &channel.name);
    let mut mistakes = Vec::new();
    for name in names.clone() {
        let served = conda::channels([name], &conda.mirrors, place);
        let checked = served.and_then(|served| {
            served.iter().try_for_each(|served| served.check_folder(conda::subdir(variant.platform)))
        });
        // What is wrong with a mirror is told below.
        match checked {
            Err(ChannelError::Mirror { .. } | ChannelError::MirrorScheme { .. }) | Ok(()) => {}
            Err(error) => mistakes.push(channel_error(variant, conda, error)),
        }
    }
    if mistakes.is_empty()
        && let Err(error) = conda::serving_channels(names, &conda.mirrors, place)
    {
        mistakes.push(channel_error(variant, conda, error));
    }
    mistakes
}

fn wheels(variant: &Variant, pip: &Pip, context: &Context) -> Vec<BuildError> {
    let folder = match absolute(&context.folder) {
        Ok(folder) => folder,
        Err(error) => return vec![error],
    };
    let failed = |error| pypi_error(variant, Some(pip), error);
    let settings = pypi::Settings::read(&context.variables, &folder, &indexes(pip, &folder));
    let mut mistakes: Vec<BuildError> =
        settings.err().into_iter().map(|error| pypi_error(variant, None, error.into())).collect();
    match &pip.packages {
        PipPackages::Requirements(requirements) => {
            let environment = environment(variant);
            for (index, requirement) in requirements.iter().enumerate() {
                let holds = |marker: &String| {
                    let marker = marker.parse::<spec::Marker>().ok()?;
                    Some(environment.as_ref()?.holds(&marker, &[]))
                };
                // A condition that only the locked Python decides is looked at when that is known.
                if !requirement.marker.as_ref().map_or(Some(true), holds).unwrap_or(false) {
                    continue;
                }
                let RequirementSource::Path { path, .. } = &requirement.source else { continue };
                let Err((what, rule)) = present(path, &folder) else { continue };
                mistakes.push(failed(pypi::LockingError::Unusable { requirement: index, what, rule }));
            }
        }
        PipPackages::Pylock(file) => {
            mistakes.extend(pypi::check_pylock(&file.text).err().map(|error| failed(error.into())));
        }
        PipPackages::Listed(listed) => {
            for (index, package) in listed.packages.iter().enumerate() {
                let RequirementSource::Path { path, .. } = &package.source else { continue };
                let Err((what, rule)) = present(path, &folder) else { continue };
                mistakes.push(failed(pypi::LockingError::Unusable { requirement: index, what, rule }));
            }
        }
    }
    mistakes
}

/// What conditions are held against, where the spec says which Python there is.
fn environment(variant: &Variant) -> Option<Environment> {
    let version = variant.python.as_ref()?.version.as_str();
    let minor = version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
    // No condition asks for the glibc.
    Environment::new(Target { platform: variant.platform, minor, glibc: 17 }, version).ok()
}

/// Whether what a path names is there: a wheel, an archive of sources, or the folder of a project.
fn present(path: &Path, folder: &Path) -> Result<(), (String, String)> {
    const FILES: [&str; 7] = ["whl", "gz", "tgz", "zip", "bz2", "xz", "zst"];
    let (whole, shown) = (folder.join(path), path.display());
    let is_file = path.extension().is_some_and(|it| FILES.iter().any(|end| it == *end));
    let what = match path.extension() {
        Some(extension) if extension == "whl" => format!("the wheel `{shown}`"),
        Some(_) if is_file => format!("the file `{shown}`"),
        _ => format!("the folder `{shown}`"),
    };
    match std::fs::metadata(&whole) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) if is_file => Err((what, "it is a folder".to_owned())),
        Ok(_) => building::check_folder(&whole).map_err(|error| (what, error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err((what, "it is not there".to_owned()))
        }
        Err(error) => Err((what, format!("it cannot be read: {error}"))),
    }
}
