//! Who published what images are made of, as far as indexes and channels offer proof of it.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_attestation::{Archive, MOST_KEPT, Offered, Verifier};
use imgbuild_diagnostic::Diagnostic;
use imgbuild_fetch::{Context, conda_attestations, in_each_environment};
use imgbuild_image::finder_of_lock;
use imgbuild_lock::{CondaPackage, LockedVariant, PypiPackage, PypiSource};
use imgbuild_oci::Digest;
use imgbuild_provenance::Attestation;
use imgbuild_pypi::AskedFile;
use imgbuild_spec::Variant;

/// How many of those that cannot be had are told one by one.
const MOST_TOLD: usize = 3;

/// How many packages have attestations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttestedPackages {
    /// The conda packages, wheels and source distributions that images are made of or with.
    pub packages: usize,
    /// Those of which something is offered.
    pub offered: usize,
    /// Those of which it is proved who published them.
    pub proved: usize,
}

/// What is known of who published what images are made of.
#[derive(Default)]
pub(crate) struct Publishers {
    /// What is proved, by the hashes of the archives.
    pub(crate) proved: BTreeMap<Digest, Vec<Attestation>>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
    /// All archives that were looked at.
    seen: BTreeSet<Digest>,
    /// Those of which something is offered.
    offered: BTreeSet<Digest>,
    /// Those of which what is offered cannot be had, and why.
    unavailable: Vec<(String, String)>,
    /// The bytes of what is kept.
    bytes: usize,
}

impl Publishers {
    /// Finds out who published what a variant is made of. Nothing of it fails a build: what cannot be had or does not hold is told.
    pub(crate) async fn of(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        verifier: &Verifier,
        context: &Context,
    ) {
        for (locked, variant) in in_each_environment(locked, variant) {
            self.of_conda(&locked, &variant, verifier, context).await;
            self.of_wheels(&locked, &variant, verifier, context).await;
        }
    }

    async fn of_conda(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        verifier: &Verifier,
        context: &Context,
    ) {
        let all = locked.conda.iter().flat_map(|conda| conda.all_packages());
        let packages: Vec<&CondaPackage> = all.filter(|it| self.seen.insert(it.sha256)).collect();
        if packages.is_empty() {
            return;
        }
        match conda_attestations(&packages, variant, context).await {
            Ok(offers) => {
                for (package, offered) in packages.into_iter().zip(offers) {
                    let name = package.url.rsplit('/').next().unwrap_or_default();
                    self.take(&Archive { name, sha256: package.sha256 }, offered, verifier);
                }
            }
            Err(error) => self.unknown("conda packages", &error),
        }
    }

    async fn of_wheels(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        verifier: &Verifier,
        context: &Context,
    ) {
        let files: Vec<AskedFile> =
            files(locked).into_iter().filter(|file| self.seen.insert(file.sha256)).collect();
        if files.is_empty() {
            return;
        }
        let finder = match finder_of_lock(locked, variant, context) {
            Ok(Some(finder)) => finder,
            Ok(None) => return,
            Err(error) => return self.unknown("wheels", &error),
        };
        match finder.attestations(&files).await {
            Ok(offers) => {
                for (file, offered) in files.iter().zip(offers) {
                    self.take(&Archive { name: &file.filename, sha256: file.sha256 }, offered, verifier);
                }
            }
            Err(error) => self.unknown("wheels", &error),
        }
    }

    /// Takes what is offered for an archive, where it holds.
    fn take<E: Diagnostic>(
        &mut self,
        archive: &Archive<'_>,
        offered: Result<Vec<Offered>, E>,
        verifier: &Verifier,
    ) {
        let offered = match offered {
            Ok(offered) => offered,
            Err(error) => return self.unavailable.push((archive.name.to_owned(), line(&error))),
        };
        if !offered.is_empty() {
            self.offered.insert(archive.sha256);
        }
        let mut proved = BTreeSet::new();
        for offered in &offered {
            match verifier.verify(offered, archive) {
                Ok(attestation) => drop(proved.insert(attestation)),
                Err(refusal) => self.notes.push(format!(
                    "an attestation of `{}` is not kept: {}",
                    archive.name,
                    line(&refusal)
                )),
            }
        }
        let bytes: usize = proved.iter().map(|it| it.bundle.len()).sum();
        if self.bytes + bytes > MOST_KEPT {
            let all = format!("with those of the others they have more than {MOST_KEPT} bytes");
            self.notes.push(format!("the attestations of `{}` are not kept: {all}", archive.name));
        } else if !proved.is_empty() {
            self.bytes += bytes;
            self.proved.insert(archive.sha256, proved.into_iter().collect());
        }
    }

    fn unknown(&mut self, what: &str, error: &dyn Diagnostic) {
        self.notes.push(format!("nobody knows which attestations {what} have: {}", line(error)));
    }

    /// How many packages have some; nothing where nobody offers any.
    pub(crate) fn counted(&self) -> Option<AttestedPackages> {
        let offered = self.offered.len();
        let (packages, proved) = (self.seen.len(), self.proved.len());
        (offered > 0).then_some(AttestedPackages { packages, offered, proved })
    }

    /// All that a person should know. Where a server is down, that is not told of each package.
    pub(crate) fn told(mut self) -> Vec<String> {
        let rest = self.unavailable.len().saturating_sub(MOST_TOLD);
        for (name, why) in self.unavailable.iter().take(MOST_TOLD) {
            self.notes.push(format!("the attestations of `{name}` cannot be had: {why}"));
        }
        if rest > 0 {
            self.notes.push(format!("nor can those of {rest} further packages"));
        }
        self.notes
    }
}

/// The files of a variant that an index has: wheels, and what others were built from and with. Names of what comes from
/// elsewhere are no index's business.
fn files(locked: &LockedVariant<'_>) -> Vec<AskedFile> {
    let wheel = |it: &PypiPackage| {
        let is_of_index = it.url.is_none() && it.origin.is_none() && it.build.is_none();
        let asked =
            || AskedFile { project: it.name.clone(), filename: it.filename.clone(), sha256: it.sha256 };
        is_of_index.then(asked)
    };
    let mut all = Vec::new();
    for package in locked.pypi.iter().flat_map(|pypi| pypi.all_packages()) {
        all.extend(wheel(package));
        let Some(build) = &package.build else { continue };
        if let PypiSource::Sdist { filename, url: None, sha256, .. } = &build.source {
            let (project, filename) = (package.name.clone(), filename.clone());
            all.push(AskedFile { project, filename, sha256: *sha256 });
        }
        let tools = build.requires.iter().filter_map(|id| locked.wheels.iter().find(|it| it.id() == *id));
        all.extend(tools.filter_map(wheel));
    }
    all
}

/// An error and what to do in one line.
fn line(error: &dyn Diagnostic) -> String {
    imgbuild_diagnostic::told(error).lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
