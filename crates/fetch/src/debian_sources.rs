//! Where the spec says that Debian's archives are.

use std::collections::BTreeMap;

use imgbuild_secret::{SecretText, SecretUrl};

/// A URL with the machine's variables in their places.
pub fn expanded(url: &SecretText, variables: &BTreeMap<String, String>) -> SecretText {
    SecretText::new(imgbuild_secret::expanded(url.whole(), variables))
}

/// The root of a further repository, without a slash at its end.
pub fn repository_root(
    repository: &imgbuild_spec::Repository,
    variables: &BTreeMap<String, String>,
) -> Result<SecretUrl, imgbuild_debian::MirrorError> {
    Ok(imgbuild_debian::Mirror::new(&expanded(repository.url.secret(), variables))?.main)
}

/// Debian's archives at the time of a snapshot.
pub fn snapshot_mirror(
    snapshot: &imgbuild_spec::Snapshot,
    variables: &BTreeMap<String, String>,
) -> Result<imgbuild_debian::Mirror, imgbuild_debian::MirrorError> {
    let root = |archive| {
        imgbuild_debian::Mirror::new(&expanded(&snapshot.mirror.root(archive, &snapshot.time), variables))
    };
    let (main, security) =
        (root(imgbuild_debian::MAIN_ARCHIVE)?.main, root(imgbuild_debian::SECURITY_ARCHIVE)?.main);
    Ok(imgbuild_debian::Mirror { main, security })
}
