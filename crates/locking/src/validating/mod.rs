//! What can be known of a spec without the network: `check` tells it, and locking and building begin with it.

mod wheels;

use std::collections::HashSet;
use std::path::Path;

use imgbuild_base::LockedImage;
use imgbuild_conda::ChannelError;
use imgbuild_copies::Copies;
use imgbuild_document::MOST_SHOWN;
use imgbuild_fetch::{Context, expanded, snapshot_mirror};
use imgbuild_image::{MakeError, WheelsFailure};
use imgbuild_oci::Platform;
use imgbuild_requirement::FindLinks;
use imgbuild_spec::{Base, CondaPackages, Spec, Variant};

use self::wheels::wheels;
use crate::conda_errors::{channel_error, conda_error};
use crate::debian_base::{keyring, repository};
use crate::error::{LockFailure, LockSpecError};
use crate::match_specs::match_specs;
use crate::other_locks::locked_error;

/// Checks everything that locking and building would refuse without having asked anybody: all mistakes at once.
///
/// # Errors
///
/// When anything is wrong.
pub fn validate(spec: &Spec, variants: &[Variant], context: &Context) -> Result<(), LockSpecError> {
    let mut mistakes = locking_mistakes(spec, variants, context, &|_| false);
    mistakes.extend(copying_mistakes(spec, variants.iter()));
    told(spec, mistakes)
}

/// Reads a spec with its variants; `context` is asked for where the spec is wrong, to find what is wrong with the rest.
///
/// # Errors
///
/// When anything is wrong with the spec's form; what [`validate`] finds in the rest is told with it.
pub fn read_spec(
    path: &Path,
    host: Platform,
    what: Purpose,
    context: impl FnOnce() -> Option<Context>,
) -> Result<(Spec, Vec<Variant>), LockSpecError> {
    let wrong = match Spec::load_variants(path, host) {
        Ok(read) => return Ok(read),
        Err(wrong) => *wrong,
    };
    let (Some((spec, variants)), Some(context)) = (&wrong.rest, context()) else {
        return Err(wrong.error.into());
    };
    let may_lack = |keys: &[&str]| keys.iter().any(|key| wrong.may_lack(key));
    let mut mistakes = locking_mistakes(spec, variants, &context, &may_lack);
    if what == Purpose::Build {
        mistakes.extend(copying_mistakes(spec, variants.iter()));
    }
    let of_form = wrong.error.each().map(LockSpecError::from);
    match together(spec, of_form.chain(mistakes).collect()) {
        Some(error) => Err(error),
        None => Err(wrong.error.into()),
    }
}

/// What [`read_spec`] and [`validate`] say of a spec with this text, were it at `path`. Without a context only its form is looked
/// at.
///
/// # Errors
///
/// When anything is wrong.
pub fn validate_text(
    path: &Path,
    text: &str,
    host: Platform,
    context: Option<&Context>,
) -> Result<(), LockSpecError> {
    let (spec, variants) =
        Spec::load_variants_of_text(path, text, host).map_err(|wrong| LockSpecError::from(wrong.error))?;
    context.map_or(Ok(()), |context| validate(&spec, &variants, context))
}

/// What a spec is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To lock it: what is copied need not be there.
    Lock,
    /// To build it.
    Build,
}

/// What [`validate`] does, of locking alone, which needs nothing of what is copied.
pub(crate) fn validate_locking(
    spec: &Spec,
    variants: &[Variant],
    context: &Context,
) -> Result<(), LockSpecError> {
    told(spec, locking_mistakes(spec, variants, context, &|_| false))
}

/// The same of what is copied, without which nothing is built.
pub fn validate_copying<'a>(
    spec: &Spec,
    variants: impl Iterator<Item = &'a Variant>,
) -> Result<(), LockSpecError> {
    told(spec, copying_mistakes(spec, variants))
}

/// What a person should know of a spec's files, and that stops nothing.
pub fn notes(spec: &Spec, variants: &[Variant], context: &Context) -> Vec<String> {
    let mut notes: Vec<String> = spec.notes().iter().map(ToString::to_string).collect();
    let views: Vec<Variant> = variants.iter().flat_map(Variant::in_each_environment).collect();
    let links = views.iter().filter_map(|variant| variant.pip.as_ref()).flat_map(|pip| &pip.find_links);
    for link in links {
        let FindLinks::Path(path) = link else { continue };
        let note = format!("`--find-links {}` does nothing: there is no such folder", path.display());
        if !context.folder.join(path).exists() && !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// Nothing where there is no mistake, else one error for all.
fn told(spec: &Spec, mistakes: Vec<LockSpecError>) -> Result<(), LockSpecError> {
    match together(spec, mistakes) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// One error for all mistakes.
fn together(spec: &Spec, mut errors: Vec<LockSpecError>) -> Option<LockSpecError> {
    errors = distinct(errors);
    let count = errors.len();
    if count > MOST_SHOWN {
        errors.truncate(MOST_SHOWN);
        errors.push(LockSpecError::MoreMistakes(count - MOST_SHOWN));
    }
    match count {
        0 | 1 => errors.pop(),
        _ => Some(LockSpecError::Mistakes { spec: spec.file().to_owned(), count, errors }),
    }
}

/// Each mistake once, whichever variants have it. Those of the spec's form are that already.
fn distinct(mistakes: Vec<LockSpecError>) -> Vec<LockSpecError> {
    let mut known = HashSet::new();
    let is_new =
        |mistake: &LockSpecError| matches!(mistake, LockSpecError::Spec(_)) || known.insert(essence(mistake));
    mistakes.into_iter().filter(is_new).collect()
}

/// What an error says, but for the variant.
fn essence(error: &LockSpecError) -> String {
    match error {
        LockSpecError::Lock(LockFailure::Conda { error, asked, .. }) => {
            format!("{} {asked:?}", imgbuild_diagnostic::told(error.as_ref()))
        }
        LockSpecError::Make(MakeError::Wheels(WheelsFailure::Pypi { error, asked, .. })) => {
            format!("{} {asked:?}", imgbuild_diagnostic::told(error.as_ref()))
        }
        LockSpecError::Lock(LockFailure::Locked { error, file, .. }) => {
            format!("{} {file}", imgbuild_diagnostic::told(error.as_ref()))
        }
        error => imgbuild_diagnostic::told(error),
    }
}

/// What is wrong with what is locked. Of a spec that could be read in part, `may_lack` says whether one of some keys may lack
/// what was written: what depends on these is not looked at.
fn locking_mistakes(
    spec: &Spec,
    variants: &[Variant],
    context: &Context,
    may_lack: &dyn Fn(&[&str]) -> bool,
) -> Vec<LockSpecError> {
    let mut mistakes = Vec::new();
    for variant in variants {
        let base_keys: &[&str] = match &variant.base {
            Base::Image(_) => &["base.image"],
            Base::Layout(_) => &["base.layout", "platforms", "python", "python.from", "conda", "env"],
            Base::Debian(_) | Base::Scratch => {
                &["base.debian", "base.mirror", "base.snapshot", "base.sources"]
            }
        };
        if !may_lack(base_keys) {
            mistakes.extend(base(variant, context));
        }
        for view in variant.in_each_environment() {
            mistakes.extend(environment_mistakes(spec, &view, context, may_lack));
        }
    }
    mistakes
}

/// The same of one environment.
fn environment_mistakes(
    spec: &Spec,
    variant: &Variant,
    context: &Context,
    may_lack: &dyn Fn(&[&str]) -> bool,
) -> Vec<LockSpecError> {
    let mut mistakes = Vec::new();
    if let Some(conda) = &variant.conda {
        mistakes.extend(packages(variant, conda));
        if !may_lack(&["conda.channels", "conda.mirrors", "env", "envs", "platforms"]) {
            mistakes.extend(channels(variant, conda, spec.folder(), context));
        }
    }
    if let Some(pip) = &variant.pip {
        let part = may_lack(&[
            "pip.allow-builds",
            "python",
            "python.version",
            "base",
            "conda.packages",
            "env",
            "envs",
        ]);
        let found = wheels(variant, pip, context).into_iter();
        mistakes.extend(found.filter(|mistake| !part || is_unusable(mistake)));
    }
    mistakes
}

/// Whether something cannot be installed, whatever else the spec says.
fn is_unusable(mistake: &LockSpecError) -> bool {
    matches!(mistake, LockSpecError::Make(MakeError::Wheels(WheelsFailure::Pypi { error, .. })) if matches!(**error, imgbuild_pypi::LockingError::Unusable { .. }))
}

fn copying_mistakes<'a>(spec: &Spec, variants: impl Iterator<Item = &'a Variant>) -> Vec<LockSpecError> {
    let copies = variants.flat_map(|variant| &variant.copy);
    let wrong = copies.filter_map(|copy| Copies::check(spec.folder(), std::slice::from_ref(copy)).err());
    wrong.map(LockSpecError::from).collect()
}

fn base(variant: &Variant, context: &Context) -> Vec<LockSpecError> {
    match &variant.base {
        // What is in a registry is not asked for here.
        Base::Scratch | Base::Image(_) => Vec::new(),
        Base::Debian(base) => {
            let variables = &context.variables;
            let mirror = base.mirror.as_ref().map(|mirror| expanded(mirror.secret(), variables));
            let usual = imgbuild_debian::Mirror::choose(mirror.as_ref(), &context.apt, base.suite.as_str());
            let usual = match (usual, &base.snapshot) {
                (Err(imgbuild_debian::MirrorError::Unknown { .. }), Some(_)) => Ok(()),
                (usual, _) => usual.map(drop).map_err(LockSpecError::from),
            };
            let snapshot = base.snapshot.as_ref().map(|it| snapshot_mirror(it, variables)).transpose();
            let repositories = base.sources.iter().map(|it| repository(it, variables).map(drop));
            let keyring = keyring(base.keyring.as_ref()).map(drop).map_err(LockSpecError::from);
            [usual, snapshot.map(drop).map_err(LockSpecError::from), keyring]
                .into_iter()
                .chain(repositories)
                .filter_map(Result::err)
                .collect()
        }
        Base::Layout(layout) => {
            let locked = LockedImage::read(layout, variant.platform, &context.store);
            let views = variant.in_each_environment();
            let conda = views.iter().find_map(|it| it.conda.as_ref());
            let wrong = match (locked, conda) {
                (Ok(image), Some(_)) => image.glibc().err(),
                (locked, _) => locked.err(),
            };
            wrong.into_iter().map(LockSpecError::from).collect()
        }
    }
}

/// What is asked for of conda's packages.
fn packages(variant: &Variant, conda: &imgbuild_spec::Conda) -> Vec<LockSpecError> {
    if let CondaPackages::Locked(locked) = &conda.packages {
        let checked =
            imgbuild_conda::check_locked(&locked.packages, imgbuild_conda::subdir(variant.platform));
        return checked.err().map(|error| locked_error(variant, locked, error)).into_iter().collect();
    }
    let specs = match_specs(variant, conda);
    let wrong = specs.iter().filter_map(|text| imgbuild_conda::match_spec(text).err());
    wrong.map(|error| conda_error(variant, conda, error.into())).collect()
}

fn channels(
    variant: &Variant,
    conda: &imgbuild_spec::Conda,
    folder: &Path,
    context: &Context,
) -> Vec<LockSpecError> {
    let settings = match context.channel_settings() {
        Ok(settings) => settings,
        Err(error) => return vec![error.into()],
    };
    let place =
        imgbuild_conda::ChannelLookup { root: folder, variables: &context.variables, settings: &settings };
    let names = conda.channels.iter().map(|channel| &channel.name);
    let mut mistakes = Vec::new();
    for name in names.clone() {
        let served = imgbuild_conda::channels([name], &conda.mirrors, place);
        let checked = served.and_then(|served| {
            served.iter().try_for_each(|served| served.check_folder(imgbuild_conda::subdir(variant.platform)))
        });
        // What is wrong with a mirror is told below.
        match checked {
            Err(ChannelError::Mirror { .. }) | Ok(()) => {}
            Err(error) => mistakes.push(channel_error(variant, conda, error)),
        }
    }
    if mistakes.is_empty()
        && let Err(error) = imgbuild_conda::serving_channels(names, &conda.mirrors, place)
    {
        mistakes.push(channel_error(variant, conda, error));
    }
    mistakes
}
