//! Who published what images are made of, as far as indexes and channels offer proof of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use imgbuild_attestation::{ASKING_TIME, Archive, MOST_KEPT, Offered, Verifier};
use imgbuild_diagnostic::Diagnostic;
use imgbuild_fetch::{Context, conda_attestations, in_each_environment};
use imgbuild_image::finder_of_lock;
use imgbuild_lock::{CondaPackage, LockedVariant, PypiPackage, PypiSource};
use imgbuild_net::DownServers;
use imgbuild_oci::Digest;
use imgbuild_provenance::Attestation;
use imgbuild_pypi::AskedFile;
use imgbuild_spec::Variant;
use tokio::time::Instant;

/// How many of those that cannot be had or do not hold are told one by one.
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
pub(crate) struct Publishers {
    /// What is proved, by the hashes of the archives.
    proved: BTreeMap<Digest, Vec<Attestation>>,
    /// What a person should know.
    notes: Vec<String>,
    /// All archives that were looked at.
    seen: BTreeSet<Digest>,
    /// Those of which something is offered.
    offered: BTreeSet<Digest>,
    /// Those of which what is offered cannot be had, and why.
    unavailable: Vec<(String, Why)>,
    /// Those of which an attestation does not hold, and why.
    refused: Vec<(String, Why)>,
    /// Those that there was no time for.
    late: usize,
    /// Those of which an image keeps nothing, for it has too much.
    left_out: BTreeSet<Digest>,
    /// The servers that are not waited for again.
    down: Arc<DownServers>,
    /// When nobody is asked any more.
    deadline: Instant,
}

impl Publishers {
    /// Nothing is known, and the time for asking begins.
    pub(crate) fn new() -> Self {
        Self {
            proved: BTreeMap::new(),
            notes: Vec::new(),
            seen: BTreeSet::new(),
            offered: BTreeSet::new(),
            unavailable: Vec::new(),
            refused: Vec::new(),
            late: 0,
            left_out: BTreeSet::new(),
            down: Arc::default(),
            deadline: Instant::now() + Duration::from_secs(ASKING_TIME),
        }
    }

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
        let (deadline, down, mut waiting) = (self.deadline, Arc::clone(&self.down), packages.len());
        let asked = conda_attestations(&packages, variant, context, &down, |place, offered| {
            let package = packages[place];
            let name = package.url.rsplit('/').next().unwrap_or_default();
            waiting -= 1;
            self.take(&Archive { name, sha256: package.sha256 }, offered, verifier);
        });
        match before(deadline, asked).await {
            Some(Ok(())) => {}
            Some(Err(error)) => self.unknown("conda packages", &error),
            None => self.late += waiting,
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
        let (deadline, down, mut waiting) = (self.deadline, Arc::clone(&self.down), files.len());
        let asked = finder.attestations(&files, &down, |place, offered| {
            let AskedFile { filename, sha256, .. } = &files[place];
            waiting -= 1;
            self.take(&Archive { name: filename, sha256: *sha256 }, offered, verifier);
        });
        match before(deadline, asked).await {
            Some(Ok(())) => {}
            Some(Err(error)) => self.unknown("wheels", &error),
            None => self.late += waiting,
        }
    }

    /// Takes what is offered for an archive, where it holds. The rest is not kept in memory either.
    fn take<E: Diagnostic>(
        &mut self,
        archive: &Archive<'_>,
        offered: Result<Vec<Offered>, E>,
        verifier: &Verifier,
    ) {
        let name = || archive.name.to_owned();
        let offered = match offered {
            Ok(offered) => offered,
            Err(error) => return self.unavailable.push((name(), Why::new(&error))),
        };
        if !offered.is_empty() {
            self.offered.insert(archive.sha256);
        }
        let verified = verifier.verify_all(&offered, archive);
        self.refused.extend(verified.refused.iter().map(|it| (name(), Why::new(it))));
        if !verified.proved.is_empty() {
            self.proved.insert(archive.sha256, verified.proved);
        }
    }

    fn unknown(&mut self, what: &str, error: &dyn Diagnostic) {
        let why = Why::new(error).line(&mut BTreeSet::new());
        self.notes.push(format!("nobody knows which attestations {what} have: {why}"));
    }

    /// What the provenance of an image keeps: in the order of the lock, as much as is kept of one.
    pub(crate) fn of_image(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
    ) -> BTreeMap<Digest, Vec<Attestation>> {
        let (mut kept, mut bytes) = (BTreeMap::new(), 0);
        for (locked, _) in in_each_environment(locked, variant) {
            let conda = locked.conda.iter().flat_map(|conda| conda.all_packages()).map(|it| it.sha256);
            for digest in conda.chain(files(&locked).into_iter().map(|file| file.sha256)) {
                let Some(all) = self.proved.get(&digest).filter(|_| !kept.contains_key(&digest)) else {
                    continue;
                };
                let more: usize = all.iter().map(|it| it.bundle.len()).sum();
                if bytes + more > MOST_KEPT {
                    self.left_out.insert(digest);
                } else {
                    bytes += more;
                    kept.insert(digest, all.clone());
                }
            }
        }
        kept
    }

    /// How many packages have some; nothing where nobody offers any.
    pub(crate) fn counted(&self) -> Option<AttestedPackages> {
        let offered = self.offered.len();
        let (packages, proved) = (self.seen.len(), self.proved.len());
        (offered > 0).then_some(AttestedPackages { packages, offered, proved })
    }

    /// All that a person should know. Where a server is down, or all its attestations do not hold, that is not told of each package.
    pub(crate) fn told(self) -> Vec<String> {
        let (mut notes, mut hints) = (self.notes, BTreeSet::new());
        for (name, why) in self.refused.iter().take(MOST_TOLD) {
            notes.push(format!("an attestation of `{name}` is not kept: {}", why.line(&mut hints)));
        }
        if let Some(rest) = self.refused.len().checked_sub(MOST_TOLD).filter(|rest| *rest > 0) {
            notes.push(format!("nor are {rest} further attestations"));
        }
        for (name, why) in self.unavailable.iter().take(MOST_TOLD) {
            notes.push(format!("the attestations of `{name}` cannot be had: {}", why.line(&mut hints)));
        }
        if let Some(rest) = self.unavailable.len().checked_sub(MOST_TOLD).filter(|rest| *rest > 0) {
            notes.push(format!("nor can those of {rest} further packages"));
        }
        if self.late > 0 {
            let late = self.late;
            notes.push(format!(
                "no attestations of {late} packages came: a build asks no longer than {ASKING_TIME} seconds"
            ));
        }
        if !self.left_out.is_empty() {
            let all = self.left_out.len();
            notes.push(format!("the attestations of {all} packages are not kept: those of one image have no more than {MOST_KEPT} bytes"));
        }
        notes
    }
}

/// What comes of it before then; nothing where it is too late.
async fn before<T>(deadline: Instant, asked: impl Future<Output = T>) -> Option<T> {
    if Instant::now() >= deadline {
        return None;
    }
    tokio::time::timeout_at(deadline, asked).await.ok()
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

/// Why something is not kept.
struct Why {
    /// What happened.
    plain: String,
    /// The same, and what to do.
    whole: String,
    hints: Vec<String>,
}

impl Why {
    fn new(error: &dyn Diagnostic) -> Self {
        Self {
            plain: imgbuild_diagnostic::messages(error).join("\n"),
            whole: imgbuild_diagnostic::told(error),
            hints: imgbuild_diagnostic::hints(error),
        }
    }

    /// It in one line. What to do is told once: these are the hints that were.
    fn line(&self, told: &mut BTreeSet<String>) -> String {
        let is_new = self.hints.iter().filter(|hint| told.insert((*hint).clone())).count() > 0;
        let text = if is_new { &self.whole } else { &self.plain };
        text.lines().map(str::trim).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_attestation::Refusal;

    use super::*;

    #[tokio::test]
    async fn nobody_is_waited_for_longer_than_a_build_may_ask() {
        let asked = std::future::pending::<()>();
        assert_eq!(before(Instant::now(), asked).await, None);
        assert_eq!(before(Instant::now() + Duration::from_secs(60), async { 1 }).await, Some(1));
        let publishers = Publishers { late: 7, ..Publishers::new() };
        assert_eq!(
            publishers.told(),
            ["no attestations of 7 packages came: a build asks no longer than 120 seconds"]
        );
    }

    #[test]
    fn much_of_one_kind_is_told_in_few_lines() {
        let all =
            || (0..5).map(|n| (format!("a-{n}"), Why::new(&Refusal::Unnoted("x".to_owned())))).collect();
        let publishers = Publishers { refused: all(), unavailable: all(), ..Publishers::new() };
        let told = publishers.told();
        let why = "no log of certificates that Sigstore's keys know has noted its certificate: x";
        assert!(told[0].starts_with(&format!("an attestation of `a-0` is not kept: {why}; ")), "{}", told[0]);
        assert_eq!(
            told[1..],
            [
                format!("an attestation of `a-1` is not kept: {why}"),
                format!("an attestation of `a-2` is not kept: {why}"),
                "nor are 2 further attestations".to_owned(),
                format!("the attestations of `a-0` cannot be had: {why}"),
                format!("the attestations of `a-1` cannot be had: {why}"),
                format!("the attestations of `a-2` cannot be had: {why}"),
                "nor can those of 2 further packages".to_owned(),
            ]
        );
    }
}
