//! Locking the Debian base of a variant.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_debian::Mirror;
use imgbuild_diagnostic::Subject;
use imgbuild_fetch::{expanded, snapshot_mirror};
use imgbuild_image::{Line, asked, variant_name};
use imgbuild_layer::KeyHasher;
use imgbuild_lock::{DebianPackage, DebianSet};
use imgbuild_oci::{Digest, Platform};
use imgbuild_spec::{PythonFrom, Variant};

use crate::debian_base::{keyring, path_rules, repositories};
use crate::error::{LockFailure, LockSpecError};
use crate::locking::Locker;

impl Locker<'_> {
    /// The base of a variant: variants that ask for the same share it.
    ///
    /// # Errors
    ///
    /// When it cannot be locked.
    pub(crate) async fn base(
        &mut self,
        variant: &Variant,
        base: &imgbuild_spec::Debian,
    ) -> Result<DebianSet, LockSpecError> {
        let python = variant.python.as_ref().filter(|python| python.from == PythonFrom::Debian);
        let hosts = if python.is_some() { self.hosts(variant) } else { BTreeSet::new() };
        let packages: Vec<String> = base.packages.iter().map(|package| package.text.public()).collect();
        let path_rules = path_rules(base);
        let key = key(variant, base, &hosts);
        if let Some(set) = self.bases.get(&key) {
            return Ok(set.clone());
        }
        let (mirror, image_mirror) = self.mirrors(base)?;
        let keyring = keyring(base.keyring.as_ref())?;
        let repositories = repositories(base, &self.context.variables)?;
        let keep = self.kept_debian(base)?;
        let cache = self.context.store.repodata_folder().join("debian-v1");
        let request = |platform, packages, python| imgbuild_debian::Request {
            index: imgbuild_debian::IndexRequest {
                suite: base.suite.as_str(),
                platform,
                components: &base.components,
                mirror: &mirror,
                keyring: &keyring,
                repositories: &repositories,
                now: self.context.now,
                snapshot: base.snapshot.as_ref().map(|snapshot| snapshot.time.seconds()),
                cache: &cache,
                offline: self.context.fetcher.client().is_offline(),
            },
            image_mirror: image_mirror.as_ref(),
            packages,
            python,
            configure: base.configure,
            package_manager: base.package_manager,
            path_rules: &path_rules,
            pins: &base.pins,
            keep: &keep,
        };
        let error = |error| failure(variant, base, error);
        let wanted = request(variant.platform, &packages, python.map(|python| python.version.as_str()));
        let fetcher = &self.context.fetcher;
        let locked: BoxFuture<'_, _> = imgbuild_debian::lock(&wanted, fetcher).boxed();
        let mut locked = locked.await.map_err(error)?;
        let minor = imgbuild_debian::interpreter(&locked.set, &locked.packages).map(|found| found.minor);
        for (host, minor) in minor.iter().flat_map(|minor| hosts.iter().map(move |host| (*host, minor))) {
            let wanted = request(host, &[], None);
            let found: BoxFuture<'_, _> = imgbuild_debian::compiler(&wanted, minor, fetcher).boxed();
            let (compiler, packages) = found.await.map_err(error)?;
            locked.set.compilers.push(compiler);
            locked.packages.extend(packages);
        }
        self.lock.add_debian(locked.packages);
        self.bases.insert(key, locked.set.clone());
        Ok(locked.set)
    }

    /// The mirror that is asked, and the one that the image names: nothing where only a snapshot is known.
    fn mirrors(&self, base: &imgbuild_spec::Debian) -> Result<(Mirror, Option<Mirror>), LockSpecError> {
        let variables = &self.context.variables;
        let mirror = base.mirror.as_ref().map(|mirror| expanded(mirror.secret(), variables));
        let usual = Mirror::choose(mirror.as_ref(), &self.context.apt, base.suite.as_str());
        Ok(match &base.snapshot {
            None => usual.map(|usual| (usual.clone(), Some(usual)))?,
            Some(snapshot) => match usual {
                Err(imgbuild_debian::MirrorError::Unknown { .. }) => {
                    (snapshot_mirror(snapshot, variables)?, None)
                }
                usual => (snapshot_mirror(snapshot, variables)?, Some(usual?)),
            },
        })
    }

    /// What the earlier lock has of this release, and may stay: another release's packages fit nothing here.
    fn kept_debian(&self, base: &imgbuild_spec::Debian) -> Result<Vec<DebianPackage>, LockSpecError> {
        // A snapshot says of every package which version it is.
        let Some(earlier) = self.earlier.filter(|_| base.snapshot.is_none()) else { return Ok(Vec::new()) };
        let suite = base.suite.as_str();
        let mut kept = BTreeMap::new();
        let bases = earlier.locked_variants()?.into_iter().filter_map(|variant| variant.debian);
        for debian in bases.filter(|debian| debian.set.suite == suite) {
            let compilers = debian.compilers.iter().flat_map(|compiler| &compiler.packages);
            let packages = debian.packages.iter().chain(compilers);
            let packages = packages.filter(|package| self.upgrade.keeps(&package.name));
            kept.extend(packages.map(|package| (package.id(), (*package).clone())));
        }
        Ok(kept.into_values().collect())
    }
}

/// All that a base depends on, but for the time.
fn key(variant: &Variant, base: &imgbuild_spec::Debian, hosts: &BTreeSet<Platform>) -> Digest {
    let python = variant.python.as_ref().filter(|python| python.from == PythonFrom::Debian);
    KeyHasher::new("base")
        .field("base", base.identity().as_bytes())
        .field("platform", variant.platform.to_string())
        .list("python", python.iter().map(|python| python.version.to_string()))
        .list("host", hosts.iter().map(ToString::to_string))
        .finish()
}

/// An error of locking a base, with the lines of the spec that asked for what it is about.
fn failure(
    variant: &Variant,
    base: &imgbuild_spec::Debian,
    error: imgbuild_debian::LockDebianError,
) -> LockFailure {
    let package = |name: String| Subject::Package(name);
    let asked_for = base.packages.iter();
    let asked_for = asked_for.map(|it| Line::new(package(it.text.public()), &it.origin, "this package"));
    let pinned = base.pins.iter().map(|pin| {
        let line = Line::new(package(pin.package.to_string()), &pin.origin, "this pin");
        line.saying("it was pinned here")
    });
    let python = variant.python.as_ref().filter(|python| python.from == PythonFrom::Debian);
    let python =
        python.map(|it| Line::new(package(imgbuild_debian::PYTHON.to_owned()), &it.origin, "this Python"));
    let asked = asked(&error, asked_for.chain(pinned).chain(python));
    LockFailure::Debian { variant: variant_name(variant), error: Box::new(error), asked }
}
