//! The secrets of what a variant fetches: whoever builds brings them, and no lock holds them.

use imgbuild_environment::LockedList;
use imgbuild_requirement::RequirementSource;
use imgbuild_secret::{KnownSecrets, SecretText, SecretUrl};
use imgbuild_spec::{CondaPackages, PipPackages, Variant};

use crate::context::Context;

/// The secrets of the URLs that a variant's spec names: of its channels and their mirrors, which are resolved, and of what is
/// required by its URL. Indexes are the matter of whoever asks them.
pub fn secrets(
    variant: &Variant,
    channels: &[imgbuild_conda::ServedChannel],
    context: &Context,
) -> KnownSecrets {
    let mut known = KnownSecrets::default();
    channels.iter().for_each(|served| known.extend(&served.secrets()));
    let mut add = |text: &SecretText| {
        known.add_text(&SecretText::new(imgbuild_secret::expanded(text.whole(), &context.variables)));
    };
    match variant.conda.as_ref().map(|conda| &conda.packages) {
        Some(CondaPackages::Requirements(requirements)) => requirements.iter().for_each(|it| add(&it.text)),
        Some(CondaPackages::Locked(locked)) => {
            if let LockedList::Archives(archives) = &locked.packages {
                archives.iter().for_each(|it| known.add(it.url.secret().clone()));
            }
        }
        None => {}
    }
    let Some(pip) = &variant.pip else { return known };
    let mut add = |text: &SecretText| {
        known.add_text(&SecretText::new(imgbuild_secret::expanded(text.whole(), &context.variables)));
    };
    pip.constraints.iter().for_each(|it| add(&it.text));
    match &pip.packages {
        PipPackages::Requirements(requirements) => {
            for requirement in requirements {
                match &requirement.source {
                    RequirementSource::Url(url) | RequirementSource::Git { url, .. } => add(url.secret()),
                    RequirementSource::Index | RequirementSource::Path { .. } => {}
                }
            }
        }
        PipPackages::Pylock(file) => add(&SecretText::new(file.text.as_str())),
        PipPackages::Listed(listed) => {
            for package in &listed.packages {
                if let RequirementSource::Url(url) | RequirementSource::Git { url, .. } = &package.source {
                    url.secret().whole().parse().into_iter().for_each(|url: SecretUrl| known.add(url));
                }
            }
        }
    }
    known
}
