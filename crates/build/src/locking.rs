//! From a spec to a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use archive::ImagePath;
use conda::{LeftOpen, Metadata, Request, Solving, Taking, Wishes};
use futures::FutureExt;
use futures::future::BoxFuture;
use layer::{KeyHasher, Part, PartId, RecipeHash, Role, Threshold};
use lock::{
    CondaFacts, CondaPackage, CondaSet, DebianPackage, DebianSet, FORMAT_VERSION, Lock, LockError,
    LockedVariant, PypiPackage,
};
use oci::{Digest, Platform};
use spec::{Base, CondaPackages, PythonFrom, Spec, Variant};

use crate::assembly::Assembly;
use crate::conda_errors::{conda_error, error_names};
use crate::debian_base::{expanded, keyring, path_rules, pin, repository, snapshot_mirror};
use crate::foundation::{self, Foundation};
use crate::match_specs::{constraints, match_specs};
use crate::secrets::secrets;
use crate::validating::validate_locking;
use crate::{BuildError, Context, Event, other_locks, variant_name};

/// What an existing lock's packages are allowed to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// They stay where nothing speaks against it.
    #[default]
    Keep,
    /// These may move, the others stay.
    Packages(BTreeSet<String>),
    /// All may move.
    All,
}

impl Upgrade {
    pub(crate) fn keeps(&self, name: &str) -> bool {
        match self {
            Self::Keep => true,
            Self::Packages(names) => !names.contains(name),
            Self::All => false,
        }
    }
}

/// Where the lock of a spec stands: `spec.toml` has `spec.lock`.
pub fn lock_path(spec: &Path) -> PathBuf {
    spec.with_extension("lock")
}

/// A hash of everything that a lock depends on: when it is another one, the lock is stale.
pub fn inputs(variants: &[Variant]) -> Digest {
    let mut hasher = KeyHasher::new("lock inputs");
    for variant in variants {
        hasher = hasher
            .list("tag", variant.tags.iter().map(oci::Tag::as_str))
            .list("key", variant.keys.iter().map(|(key, value)| format!("{key}={value}")))
            .field("inputs", variant.inputs().as_bytes());
        if let Some(conda) = &variant.conda {
            hasher = hasher
                .list("name", conda.environment_name.iter().map(spec::EnvironmentName::as_str))
                .list("variable", conda.variables.iter().map(|(name, value)| format!("{name}={value}")));
        }
    }
    hasher.finish()
}

/// Locks every variant of a spec. What an earlier lock has stays, as far as `upgrade` allows.
///
/// # Errors
///
/// When a variant cannot be locked.
pub async fn lock(
    spec: &Spec,
    variants: &[Variant],
    earlier: Option<&Lock>,
    upgrade: &Upgrade,
    context: &Context,
) -> Result<Lock, BuildError> {
    check_upgrade(variants, earlier, upgrade)?;
    validate_locking(spec, variants, context)?;
    let mut locker = Locker {
        spec,
        earlier,
        upgrade,
        context,
        bases: BTreeMap::new(),
        told: BTreeSet::new(),
        debian: BTreeMap::new(),
        conda: BTreeMap::new(),
        pypi: BTreeMap::new(),
    };
    let mut lock = Lock {
        version: FORMAT_VERSION,
        inputs: inputs(variants),
        variants: Vec::new(),
        debian: Vec::new(),
        conda: Vec::new(),
        pypi: Vec::new(),
    };
    for variant in variants {
        context.reporter.event(Event::Locking { variant: variant_name(variant) });
        lock.variants.push(locker.variant(variant).await?);
    }
    lock.debian = locker.debian.into_values().collect();
    lock.conda = locker.conda.into_values().collect();
    lock.pypi = locker.pypi.into_values().collect();
    for (index, variant) in variants.iter().enumerate() {
        finish(&mut lock, index, variant, earlier, context)?;
    }
    Ok(lock)
}

fn check_upgrade(variants: &[Variant], earlier: Option<&Lock>, upgrade: &Upgrade) -> Result<(), BuildError> {
    let Upgrade::Packages(names) = upgrade else { return Ok(()) };
    other_locks::check_upgrade(variants, names)?;
    let Some(earlier) = earlier else { return Ok(()) };
    let known = |name: &&String| {
        earlier.conda.iter().any(|package| package.name() == name.as_str())
            || earlier.debian.iter().any(|package| package.name == **name)
            || earlier.pypi.iter().any(|package| package.name == **name)
    };
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(BuildError::NotLocked(unknown.clone())),
        None => Ok(()),
    }
}

/// What depends on all packages of a variant together: its time, and the threshold of its layers.
pub(crate) fn finish(
    lock: &mut Lock,
    index: usize,
    variant: &Variant,
    earlier: Option<&Lock>,
    context: &Context,
) -> Result<(), BuildError> {
    let newest = newest(&lock.variant(index)?);
    let found = lock.variants.get_mut(index).ok_or(LockError::NoVariant { index })?;
    found.timestamp = context.source_date_epoch.unwrap_or(newest);
    let locked = lock.variant(index)?;
    let assembly = Assembly::new(&locked, variant, None, context)?;
    let mut parts = assembly.parts();
    // What only a build has takes layers as well.
    parts.push(coming("lock", Role::Metadata));
    parts.extend((!variant.copy.is_empty()).then(|| coming("copies", Role::Copy)));
    let reserved = assembly.foundation.as_ref().map_or(0, Foundation::layers);
    let same = |other: &&lock::Variant| {
        let this = locked.variant;
        (other.platform, &other.keys) == (this.platform, &this.keys)
    };
    let earlier = earlier.and_then(|earlier| earlier.variants.iter().find(same)).map(|it| it.threshold);
    let threshold = layer::threshold(&parts, variant.layers.budget.get().into(), reserved, earlier)?;
    let found = lock.variants.get_mut(index).ok_or(LockError::NoVariant { index })?;
    found.threshold = threshold;
    Ok(())
}

/// A part of which nothing is known yet but that it will be there.
fn coming(name: &str, role: Role) -> Part {
    Part {
        id: PartId::new("imgbuild", name),
        title: String::new(),
        recipe: RecipeHash(Digest::of("")),
        role,
        weight: 0,
        root: None,
    }
}

/// The newest time of a variant's packages.
fn newest(locked: &LockedVariant<'_>) -> i64 {
    // conda's times are in milliseconds; those of old records are in seconds.
    let seconds = |time: i64| if time > 253_402_300_799 { time / 1000 } else { time };
    let debian = locked.debian.iter().flat_map(|debian| &debian.packages);
    let conda = locked.conda.iter().flat_map(|conda| &conda.packages);
    let conda = conda.filter_map(|package| package.record.get("timestamp")?.as_integer()).map(seconds);
    let base = locked.variant.layout.iter().filter_map(|base| base.created);
    let wheels = locked.pypi.iter().flat_map(|pypi| &pypi.packages).map(|package| package.facts.timestamp);
    debian.map(|package| package.facts.timestamp).chain(conda).chain(wheels).chain(base).max().unwrap_or(0)
}

/// What locks one variant after the other.
pub(crate) struct Locker<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) earlier: Option<&'a Lock>,
    pub(crate) upgrade: &'a Upgrade,
    pub(crate) context: &'a Context,
    /// Bases that were locked already, by all that they depend on: variants share them.
    bases: BTreeMap<Digest, DebianSet>,
    /// What was told already.
    told: BTreeSet<String>,
    pub(crate) debian: BTreeMap<(String, String, String), DebianPackage>,
    pub(crate) conda: BTreeMap<(String, String), CondaPackage>,
    pub(crate) pypi: BTreeMap<String, PypiPackage>,
}

impl Locker<'_> {
    async fn variant(&mut self, variant: &Variant) -> Result<lock::Variant, BuildError> {
        let debian = match &variant.base {
            Base::Scratch | Base::Layout(_) => None,
            Base::Debian(base) => Some(self.base(variant, base).await?),
        };
        let layout = match &variant.base {
            Base::Layout(layout) => Some(foundation::lock(variant, layout, self.context)?),
            Base::Debian(_) | Base::Scratch => None,
        };
        let glibc = debian.as_ref().and_then(|set| {
            let packages: Vec<_> =
                self.debian.values().filter(|it| set.packages.contains(&it.id())).cloned().collect();
            debian::glibc(&packages)
        });
        let glibc = match &variant.base {
            Base::Layout(layout) if variant.conda.is_some() => {
                Some(foundation::glibc(variant, layout, self.context)?)
            }
            _ => glibc,
        };
        let conda = match &variant.conda {
            None => None,
            Some(conda) => Some(self.environment(variant, conda, glibc.as_deref()).await?),
        };
        let locked = lock::Variant {
            tags: variant.tags.clone(),
            platform: variant.platform,
            keys: variant.keys.clone(),
            timestamp: 0,
            threshold: Threshold(0),
            debian,
            layout,
            conda,
            pypi: None,
        };
        match &variant.pip {
            None => Ok(locked),
            Some(pip) => self.wheels(variant, pip, locked).await,
        }
    }

    /// The variant of the earlier lock that is the nearest to this one.
    pub(crate) fn same(&self, variant: &Variant) -> Result<Option<LockedVariant<'_>>, BuildError> {
        let Some(earlier) = self.earlier else { return Ok(None) };
        let all = earlier.locked_variants()?.into_iter();
        let mut candidates: Vec<_> = all.filter(|other| other.variant.platform == variant.platform).collect();
        let same = candidates.iter().position(|other| other.variant.keys == variant.keys);
        Ok((!candidates.is_empty()).then(|| candidates.swap_remove(same.unwrap_or(0))))
    }

    /// The build machines for which interpreters are locked: those like the image, and this one.
    fn hosts(&self, variant: &Variant) -> BTreeSet<Platform> {
        if variant.layers.bytecode.makes_bytecode() {
            BTreeSet::from([variant.platform, self.context.host])
        } else {
            BTreeSet::new()
        }
    }

    async fn base(&mut self, variant: &Variant, base: &spec::Debian) -> Result<DebianSet, BuildError> {
        let python = variant.python.as_ref().filter(|python| python.from == PythonFrom::Debian);
        let hosts = if python.is_some() { self.hosts(variant) } else { BTreeSet::new() };
        let packages: Vec<String> = base.packages.iter().map(|package| package.text.public()).collect();
        let path_rules = path_rules(base);
        let pins: Vec<_> = base.pins.iter().map(pin).collect();
        let key = KeyHasher::new("base")
            .field("suite", base.suite.as_str())
            .field("platform", variant.platform.to_string())
            .list("package", &packages)
            .list("component", base.components.iter().map(spec::Component::as_str))
            .list(
                "source",
                base.sources.iter().map(|it| format!("{} {} {}", it.name, it.url.secret().whole(), it.suite)),
            )
            .list("pin", pins.iter().map(|pin| format!("{pin:?}")))
            .list("path rule", path_rules.iter().map(ToString::to_string))
            .list("mirror", base.mirror.iter().map(|mirror| mirror.secret().whole().to_owned()))
            .list("snapshot", base.snapshot.iter().map(|it| it.mirror.root("", &it.time).whole().to_owned()))
            .list("keyring", base.keyring.iter().map(|keyring| keyring.path.display().to_string()))
            .list("python", python.iter().map(|python| python.version.to_string()))
            .field("configure", [u8::from(base.configure)])
            .field("package-manager", [u8::from(base.package_manager)])
            .list("host", hosts.iter().map(ToString::to_string))
            .finish();
        if let Some(set) = self.bases.get(&key) {
            return Ok(set.clone());
        }
        let variables = &self.context.variables;
        let mirror = base.mirror.as_ref().map(|mirror| expanded(mirror.secret(), variables));
        let usual = debian::Mirror::choose(mirror.as_ref(), &self.context.apt, base.suite.as_str());
        let (mirror, image_mirror) = match &base.snapshot {
            None => usual.map(|usual| (usual.clone(), Some(usual)))?,
            Some(snapshot) => match usual {
                Err(debian::MirrorError::Unknown { .. }) => (snapshot_mirror(snapshot, variables)?, None),
                usual => (snapshot_mirror(snapshot, variables)?, Some(usual?)),
            },
        };
        let keyring = keyring(base.keyring.as_ref())?;
        let repositories =
            base.sources.iter().map(|it| repository(it, variables)).collect::<Result<Vec<_>, _>>()?;
        // A snapshot says of every package which version it is.
        let kept = base.snapshot.is_none().then(|| self.kept_debian(base.suite.as_str())).transpose()?;
        let keep = kept.unwrap_or_default();
        let cache = self.context.store.repodata_folder().join("debian-v1");
        let components: Vec<String> = base.components.iter().map(ToString::to_string).collect();
        let request = |platform, packages, python| debian::Request {
            index: debian::IndexRequest {
                suite: base.suite.as_str(),
                platform,
                components: &components,
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
            pins: &pins,
            keep: &keep,
        };
        let error = |error: debian::LockDebianError| {
            // A hint may name packages that are not at fault.
            let message = error.to_string();
            let message = message.split("\nhint: ").next().unwrap_or_default();
            let asked = base.packages.iter().filter(|it| error_names(message, &it.text.public()));
            let asked = asked.map(|it| it.origin.snippet("it was asked for here", "this package"));
            let pinned = base.pins.iter().filter(|pin| error_names(message, pin.package.as_str()));
            let pinned = pinned.map(|pin| pin.origin.snippet("it was pinned here", "this pin"));
            let asked = asked.chain(pinned).collect();
            BuildError::Debian { variant: variant_name(variant), error: Box::new(error), asked }
        };
        let python = python.map(|python| python.version.as_str());
        let wanted = request(variant.platform, &packages, python);
        let fetcher = &self.context.fetcher;
        let locked: BoxFuture<'_, _> = debian::lock(&wanted, fetcher).boxed();
        let mut locked = locked.await.map_err(error)?;
        if let Some(interpreter) = debian::interpreter(&locked.set, &locked.packages) {
            for host in hosts {
                let wanted = request(host, &[], None);
                let (compiler, packages) =
                    debian::compiler(&wanted, &interpreter.minor, fetcher).boxed().await.map_err(error)?;
                locked.set.compilers.push(compiler);
                locked.packages.extend(packages);
            }
        }
        for package in locked.packages {
            let key = (package.name.clone(), package.architecture.clone(), package.version.clone());
            self.debian.insert(key, package);
        }
        self.bases.insert(key, locked.set.clone());
        Ok(locked.set)
    }

    async fn environment(
        &mut self,
        variant: &Variant,
        conda: &spec::Conda,
        glibc: Option<&str>,
    ) -> Result<CondaSet, BuildError> {
        let names = conda.channels.iter().map(|channel| &channel.name);
        let settings = self.context.channel_settings()?;
        let (root, variables) = (self.spec.folder(), &self.context.variables);
        let place = conda::Place { root, variables, settings: &settings };
        let channels = conda::channels(names.clone(), &conda.mirrors, place)?;
        let serving = conda::serving_channels(names, &conda.mirrors, place)?;
        let fetcher = &self.context.channel_fetcher()?.knowing(&secrets(variant, &serving, self.context));
        let cuda = variant.cuda.as_ref().map(|cuda| cuda.version.as_str());
        let subdir = conda::subdir(variant.platform);
        if let Some(part) = &conda.pip_part {
            let text = format!(
                "`{}` has a `pip:` part and lists neither pip nor Python: pip is added, which brings the newest Python that fits",
                part.file()
            );
            self.tell(text);
        }
        let is_solved = matches!(conda.packages, CondaPackages::Requirements(_));
        let names: Vec<String> = conda.channels.iter().map(|channel| channel.name.to_string()).collect();
        let names = names.iter().map(String::as_str);
        let open = LeftOpen {
            priority: is_solved && conda.channel_priority.is_none(),
            channels: conda.channels_are_open,
        };
        for note in settings.notes(names, open) {
            self.tell(note);
        }
        let priority = conda.channel_priority.or(settings.channel_priority()).unwrap_or_default();
        let request = Request {
            specs: match_specs(variant, conda),
            pip: conda.pip,
            constraints: if conda.pip { constraints(variant) } else { Vec::new() },
            subdir,
            virtual_packages: conda::virtual_packages(subdir, glibc, cuda),
            channel_priority: priority,
            exclude_newer: conda.exclude_newer.map(|time| time.timestamp()),
            locked: self.kept_records(variant)?,
            channels: channels.clone(),
        };
        let wishes = Wishes {
            request,
            platform: variant.platform,
            prefix: ImagePath::from_absolute(conda.prefix.as_str())?,
            name: conda.environment_name.as_ref().map_or_else(|| "base".to_owned(), ToString::to_string),
            variables: conda
                .variables
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            allow_post_link: conda.allow_post_link.iter().map(ToString::to_string).collect(),
            skip_post_link: conda.skip_post_link.iter().map(ToString::to_string).collect(),
            accept_damaged: conda.accept_damaged.iter().map(ToString::to_string).collect(),
            hosts: self.hosts(variant),
            known: self.known_facts(),
        };
        let store = &self.context.store;
        let solving = Solving::new(fetcher.client(), &serving, store.repodata_folder().join("conda-v1"))?;
        let metadata = Metadata {
            client: fetcher.client(),
            archives: fetcher,
            store,
            channels: &serving,
            accept_damaged: &wishes.accept_damaged,
        };
        let records = match &conda.packages {
            CondaPackages::Requirements(_) => None,
            CondaPackages::Locked(locked) => {
                self.context.reporter.event(Event::Taking { file: locked.file.clone() });
                let request = &wishes.request;
                let taking = Taking {
                    solving: &solving,
                    metadata: &metadata,
                    channels: &channels,
                    subdir,
                    virtual_packages: &request.virtual_packages,
                    known: &request.locked,
                };
                Some(other_locks::take(variant, locked, &taking).await?)
            }
        };
        let locked = conda::lock_environment(&wishes, &solving, &metadata, records).boxed().await;
        let (set, packages) = locked.map_err(|error| conda_error(variant, conda, error))?;
        for package in packages {
            self.conda.insert((package.name().to_owned(), package.url.clone()), package);
        }
        Ok(set)
    }

    /// Tells something once, however many variants it holds for.
    fn tell(&mut self, text: String) {
        if self.told.insert(text.clone()) {
            self.context.reporter.event(Event::Note { text });
        }
    }

    /// What the earlier lock has of this release, and may stay: another release's packages fit nothing here.
    fn kept_debian(&self, suite: &str) -> Result<Vec<DebianPackage>, BuildError> {
        let Some(earlier) = self.earlier else { return Ok(Vec::new()) };
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

    /// What the earlier lock has for this variant, and may stay.
    fn kept_records(&self, variant: &Variant) -> Result<Vec<conda::Record>, BuildError> {
        let same = self.same(variant)?;
        let packages = same.iter().flat_map(|same| &same.conda).flat_map(|conda| &conda.packages);
        let kept = packages.filter(|package| self.upgrade.keeps(package.name()));
        let records = kept.map(|package| conda::record(package)).collect::<Result<Vec<_>, _>>();
        Ok(records.map_err(conda::PackageError::from)?)
    }

    fn known_facts(&self) -> BTreeMap<Digest, CondaFacts> {
        let packages = self.earlier.iter().flat_map(|lock| &lock.conda);
        packages.map(|package| (package.sha256, package.facts.clone())).collect()
    }
}
