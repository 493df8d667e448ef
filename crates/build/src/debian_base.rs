//! What the spec says of a Debian base, in the words of the crate that locks it.

use std::collections::BTreeMap;

use secret::SecretText;

use crate::BuildError;
use crate::error::LockFailure;

/// A URL with the machine's variables in their places.
pub(crate) fn expanded(url: &SecretText, variables: &BTreeMap<String, String>) -> SecretText {
    SecretText::new(secret::expanded(url.whole(), variables))
}

/// A keyring of the spec; where it names none, Debian's.
pub(crate) fn keyring(given: Option<&spec::Keyring>) -> Result<debian::Keyring, LockFailure> {
    let asked =
        given.map(|it| it.origin.snippet("it was asked for here", "this keyring")).into_iter().collect();
    let path = given.map(|it| it.path.clone()).unwrap_or_default();
    let error = |error: Box<dyn std::error::Error + Send + Sync>| LockFailure::Keyring {
        path: path.clone(),
        error,
        asked,
    };
    if given.is_none() {
        return debian::Keyring::debian().map_err(|why| error(Box::new(why)));
    }
    match folder::read_regular(&path) {
        Ok(bytes) => debian::Keyring::read(&bytes).map_err(|why| error(Box::new(why))),
        Err(why) => Err(error(Box::new(why))),
    }
}

/// What of the packages' files is left out.
pub(crate) fn path_rules(base: &spec::Debian) -> Vec<lock::PathRule> {
    let slim = base.profile == spec::Profile::Slim;
    let named = |name: &str| base.exclude.iter().any(|it| it.as_str() == name);
    let left_out = debian::LeftOut {
        documentation: slim || named("documentation"),
        locales: slim || named("locales"),
        exclude: base
            .exclude
            .iter()
            .map(spec::ExcludedPart::as_str)
            .filter(|it| it.starts_with('/'))
            .collect(),
        include: base.include.iter().map(spec::PathGlob::as_str).collect(),
    };
    left_out.rules()
}

/// Debian's archives at the time of a snapshot.
pub(crate) fn snapshot_mirror(
    snapshot: &spec::Snapshot,
    variables: &BTreeMap<String, String>,
) -> Result<debian::Mirror, debian::MirrorError> {
    let root =
        |archive| debian::Mirror::new(&expanded(&snapshot.mirror.root(archive, &snapshot.time), variables));
    let (main, security) = (root(debian::MAIN_ARCHIVE)?.main, root(debian::SECURITY_ARCHIVE)?.main);
    Ok(debian::Mirror { main, security })
}

/// A pin as resolving knows it.
pub(crate) fn pin(given: &spec::Pin) -> debian::Pin {
    debian::Pin {
        package: given.package.to_string(),
        version: given.version.as_ref().map(ToString::to_string),
        source: given.source.as_ref().map(ToString::to_string),
    }
}

/// A further repository, with its keys.
pub(crate) fn repository(
    given: &spec::Repository,
    variables: &BTreeMap<String, String>,
) -> Result<debian::Repository, BuildError> {
    Ok(debian::Repository {
        name: given.name.to_string(),
        url: debian::Mirror::new(&expanded(given.url.secret(), variables))?.main,
        suite: given.suite.to_string(),
        components: given.components.iter().map(ToString::to_string).collect(),
        keyring: keyring(given.keyring.as_ref())?,
    })
}
