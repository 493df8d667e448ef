//! What the spec says of a Debian base, in the words of the crate that locks it.

use std::collections::BTreeMap;

use imgbuild_debian::ServedRepository;
use imgbuild_fetch::repository_root;

use crate::error::{LockFailure, LockSpecError};

/// A keyring of the spec; where it names none, Debian's.
pub(crate) fn keyring(
    given: Option<&imgbuild_spec::Keyring>,
) -> Result<imgbuild_debian::Keyring, LockFailure> {
    let asked =
        given.map(|it| it.origin.snippet("it was asked for here", "this keyring")).into_iter().collect();
    let path = given.map(|it| it.path.clone()).unwrap_or_default();
    let error = |error: Box<dyn miette::Diagnostic + Send + Sync>| LockFailure::Keyring {
        path: path.clone(),
        error,
        asked,
    };
    if given.is_none() {
        return imgbuild_debian::Keyring::debian().map_err(|why| error(Box::new(why)));
    }
    match imgbuild_folder::read_regular(&path) {
        Ok(bytes) => imgbuild_debian::Keyring::read(&bytes).map_err(|why| error(Box::new(why))),
        Err(why) => Err(error(imgbuild_diagnostic::plain(why))),
    }
}

/// What of the packages' files is left out.
pub(crate) fn path_rules(base: &imgbuild_spec::Debian) -> Vec<imgbuild_lock::PathRule> {
    let slim = base.profile == imgbuild_spec::Profile::Slim;
    let named = |name: &str| base.exclude.iter().any(|it| it.as_str() == name);
    let left_out = imgbuild_debian::LeftOut {
        documentation: slim || named("documentation"),
        locales: slim || named("locales"),
        exclude: base
            .exclude
            .iter()
            .map(imgbuild_spec::ExcludedPart::as_str)
            .filter(|it| it.starts_with('/'))
            .collect(),
        include: base.include.iter().map(imgbuild_spec::PathGlob::as_str).collect(),
    };
    left_out.rules()
}

/// A further repository, with its keys.
pub(crate) fn repository(
    asked: &imgbuild_spec::Repository,
    variables: &BTreeMap<String, String>,
) -> Result<ServedRepository, LockSpecError> {
    let root = repository_root(asked, variables)?;
    Ok(ServedRepository { repository: asked.clone(), root, keyring: keyring(asked.keyring.as_ref())? })
}

/// The further repositories of a base.
pub(crate) fn repositories(
    base: &imgbuild_spec::Debian,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<ServedRepository>, LockSpecError> {
    base.sources.iter().map(|asked| repository(asked, variables)).collect()
}
