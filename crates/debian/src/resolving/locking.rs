//! From what was asked for to locked packages with their facts, and from these to sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt, stream};
use imgbuild_archive::ImagePath;
use imgbuild_layer::{PartId, Source};
use imgbuild_lock::{Compiler, DebianPackage, DebianSet, ExcludedPath, PathRule};
use imgbuild_oci::Digest;
use imgbuild_runtime::User;
use imgbuild_secret::SecretUrl;
use imgbuild_spec::Pin;

use crate::archive::fetch::Fetch;
use crate::archive::index::{Candidate, Index};
use crate::archive::index_request::{IndexRequest, ServedRepository, locked_url};
use crate::archive::mirror::Mirror;
use crate::package::examine::{Examined, examine, examined_key};
use crate::package::locked_package::{Package, installed_size};
use crate::package::stanza::field;
use crate::resolving::dependencies::Dependencies;
use crate::resolving::locking_error::LockDebianError;
use crate::resolving::packages::{default_packages, python_packages};
use crate::resolving::parting::configured;
use crate::resolving::pin::{self, PinError};
use crate::resolving::resolve::{ResolveError, ResolveRequest, relations, resolve};
use crate::resolving::slim::kept;
use crate::resolving::strata;
use crate::state::State;
use crate::{Relation, Version, configuration};

/// How many archives are fetched at once.
const DOWNLOADS: usize = 8;

/// What a base is asked to have.
#[derive(Debug)]
pub struct Request<'a> {
    /// The suite and where it comes from.
    pub index: IndexRequest<'a>,
    /// The mirror that apt uses inside the image; nothing where it has none.
    pub image_mirror: Option<&'a Mirror>,
    /// Packages beside the default set, by name or as `name=version`.
    pub packages: &'a [String],
    /// The version of Debian's Python, such as `3.11`, where it is asked for.
    pub python: Option<&'a str>,
    /// Whether dpkg may configure packages in the sandbox, where their scripts are not known.
    pub configure: bool,
    /// Whether the image has apt and dpkg.
    pub package_manager: bool,
    /// Which of the packages' paths are left out, see [`crate::LeftOut`].
    pub path_rules: &'a [PathRule],
    /// What some packages are held to.
    pub pins: &'a [Pin],
    /// Packages of an earlier lock, which keep their versions while these serve.
    pub keep: &'a [DebianPackage],
}

/// The packages of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The set, for the variant.
    pub set: DebianSet,
    /// The packages, sorted by name.
    pub packages: Vec<DebianPackage>,
}

/// Locks a base: the default set, Debian's Python where asked for, and what was asked for beside.
///
/// # Errors
///
/// When the index cannot be had or trusted, dependencies cannot be met, an archive is not what the index says, or
/// scripts need to be run and may not or cannot.
pub async fn lock(request: &Request<'_>, fetch: &impl Fetch) -> Result<Locked, LockDebianError> {
    let mut index = Index::fetch(&request.index, fetch).await?;
    request.pins.iter().try_for_each(|it| pin::apply(it, &mut index))?;
    let mut wanted = default_packages(request.index.suite);
    if let Some(version) = request.python {
        wanted.extend(python_packages(&index, request.index.suite, version)?);
    }
    wanted.extend(request.packages.iter().cloned());
    let (mut packages, mut examined) = lock_packages(request, &index, &wanted, true, fetch).await?;
    for Pin { package, .. } in request.pins {
        if !packages.iter().any(|it| it.name == package.as_str()) {
            return Err(PinError::Unused { package: package.to_string() }.into());
        }
    }
    let mut configured = configured(&packages, &examined, request.configure)?;
    let mut left_out = Vec::new();
    if !request.package_manager {
        let wanted: Vec<String> = wanted.into_iter().filter(|it| it != "apt").collect();
        left_out = without_manager(&packages, &wanted)?;
        configured.retain(|id| !left_out.contains(id));
    }
    if configured.is_empty() {
        // What is not in the image is needed only while others are configured.
        let out: Vec<bool> = packages.iter().map(|it| left_out.contains(&it.id())).collect();
        let mut of_package = out.iter();
        packages.retain(|_| of_package.next() == Some(&false));
        let mut of_package = out.iter();
        examined.retain(|_| of_package.next() == Some(&false));
        left_out.clear();
    }
    let excluded = excluded(&packages, &examined, &configured)?;
    let ids = packages.iter().map(DebianPackage::id).collect();
    let suite = request.index.suite.to_owned();
    Ok(Locked {
        set: DebianSet {
            suite,
            mirror: request.image_mirror.map(|it| locked_url(&it.main)),
            security_mirror: request.image_mirror.map(|it| locked_url(&it.security)),
            components: request.index.components.iter().map(ToString::to_string).collect(),
            keyring: request.index.keyring.for_lock(),
            path_rules: request.path_rules.to_vec(),
            packages: ids,
            requested: requested(request),
            package_manager: request.package_manager,
            left_out,
            configured,
            pins: request.pins.iter().filter_map(pin::locked).collect(),
            repositories: request.index.repositories.iter().map(ServedRepository::locked).collect(),
            excluded,
            compilers: Vec::new(),
        },
        packages,
    })
}

/// The names that somebody asked for.
fn requested(request: &Request<'_>) -> Vec<String> {
    // A version may stand behind a name.
    let name = |asked: &String| asked.split('=').next().unwrap_or(asked).trim().to_owned();
    let mut names: Vec<String> = request.packages.iter().map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// The packages of a base that an image without a package manager does not have.
fn without_manager(packages: &[DebianPackage], wanted: &[String]) -> Result<Vec<String>, LockDebianError> {
    let kept = kept(packages, &Dependencies::read(packages)?, wanted);
    let out = packages.iter().enumerate().filter(|(index, _)| !kept.contains(index));
    Ok(out.map(|(_, package)| package.id()).collect())
}

/// Locks the interpreter of Debian's Python `version` for the build machine: `request.index.platform` is that
/// machine's. The packages are what the program and the standard library need to run from a folder.
///
/// # Errors
///
/// As for [`lock`].
pub async fn compiler(
    request: &Request<'_>,
    version: &str,
    fetch: &impl Fetch,
) -> Result<(Compiler, Vec<DebianPackage>), LockDebianError> {
    let mut index = Index::fetch(&request.index, fetch).await?;
    for it in request.pins {
        // Another platform may have other versions, and these packages do not come into the image.
        let _unmet = pin::apply(it, &mut index);
    }
    let wanted = [format!("python{version}-minimal"), format!("libpython{version}-stdlib")];
    let (packages, _) = lock_packages(request, &index, &wanted, false, fetch).await?;
    let ids = packages.iter().map(DebianPackage::id).collect();
    Ok((Compiler { host: request.index.platform, packages: ids }, packages))
}

async fn lock_packages(
    request: &Request<'_>,
    index: &Index,
    wanted: &[String],
    essential: bool,
    fetch: &impl Fetch,
) -> Result<(Vec<DebianPackage>, Vec<Examined>), LockDebianError> {
    let architecture = request.index.platform.architecture();
    // What another platform has, what came from a source that the spec does not name any more, and what a pin forbids,
    // serves nobody.
    let serves = |it: &&DebianPackage| {
        (it.architecture == "all" || it.architecture == architecture)
            && request.index.root(&it.archive).is_some()
            && request.pins.iter().all(|pin| pin::allows(pin, &it.name, &it.version, &it.archive))
    };
    let wanted = ResolveRequest {
        packages: wanted,
        architecture,
        keep: request.keep.iter().filter(serves).collect(),
        suite: request.index.suite,
        essential,
    };
    let candidates = resolve(index, &wanted)?;
    let index = &request.index;
    let locked = stream::iter(candidates.into_iter().map(|it| lock_one(it, index, fetch)));
    let locked: Vec<_> = locked.buffered(DOWNLOADS).try_collect().await?;
    Ok(locked.into_iter().unzip())
}

async fn lock_one(
    candidate: Candidate,
    index: &IndexRequest<'_>,
    fetch: &impl Fetch,
) -> Result<(DebianPackage, Examined), LockDebianError> {
    let name = candidate.name.clone();
    let value = |of: &'static str| {
        field(&candidate.record, of)
            .ok_or_else(|| LockDebianError::Record { package: name.clone(), field: of })
    };
    let bad = |field| LockDebianError::Record { package: name.clone(), field };
    let mut package = DebianPackage {
        version: candidate.version.to_string(),
        architecture: value("Architecture")?.to_owned(),
        archive: candidate.archive.clone(),
        // A flat repository's packages stand beside its index.
        filename: value("Filename")?.trim_start_matches("./").to_owned(),
        size: value("Size")?.parse().map_err(|_| bad("Size"))?,
        sha256: Digest::from_hex(value("SHA256")?).map_err(|_| bad("SHA256"))?,
        facts: imgbuild_lock::DebianFacts::default(),
        name: name.clone(),
        record: candidate.record.clone(),
    };
    // What becomes part of a URL must not leave the archive's root.
    ImagePath::new(&package.filename).map_err(|_| bad("Filename"))?;
    let root = index.root(&package.archive).ok_or_else(|| bad("Filename"))?;
    let url = url(&package, root).ok_or_else(|| bad("Filename"))?;
    let file = package.filename.rsplit('/').next().unwrap_or(&package.filename);
    let fetched = fetch.archive(file, &url, &package.sha256, package.size).await;
    let path = fetched.map_err(|error| LockDebianError::Fetch {
        package: name.clone(),
        url: Box::new(url),
        error: Box::new(error),
    })?;
    let limit = installed_size(&package.record);
    let key = examined_key(&package.sha256, limit);
    let examined = match fetch.examined(&key) {
        Some(examined) => examined,
        None => {
            let examined = tokio::task::spawn_blocking(move || examine(&path, limit)).await;
            let examined = examined.map_err(|_| LockDebianError::Stopped(name.clone()))?;
            let examined =
                examined.map_err(|error| LockDebianError::Archive { package: name.clone(), error })?;
            fetch.keep_examined(&key, &examined);
            examined
        }
    };
    package.facts = examined.facts.clone();
    Ok((package, examined))
}

/// Where the archive whose root is `root` has a package; nothing where the record's path makes no URL.
pub(crate) fn url(package: &DebianPackage, root: &SecretUrl) -> Option<SecretUrl> {
    root.below(&format!("./{}", package.filename)).ok()
}

/// The version of glibc that the packages hold, such as `2.36`: conda's `__glibc`.
pub fn glibc(packages: &[DebianPackage]) -> Option<String> {
    let libc = packages.iter().find(|it| it.name == "libc6")?;
    let version: Version = libc.version.parse().ok()?;
    Some(version.upstream().to_owned())
}

/// What the layers of a base are made of: a source for each package, and the base's state, without that of the packages
/// that dpkg configures: see [`crate::Configuration`].
///
/// `archive` tells the file of each package's archive; `timestamp` is the time of what no package holds.
///
/// # Errors
///
/// When a record of the lock cannot be read.
pub fn sources(
    set: &DebianSet,
    packages: &[DebianPackage],
    archive: impl Fn(&DebianPackage) -> PathBuf,
    users: &[User],
    timestamp: i64,
) -> Result<Vec<Box<dyn Source>>, ResolveError> {
    let chosen: BTreeSet<&str> = set.packages.iter().map(String::as_str).collect();
    let roles = strata::roles(packages, &set.suite)?;
    let chosen = packages.iter().zip(roles).filter(|(it, _)| chosen.contains(it.id().as_str()));
    let chosen = chosen.filter(|(it, _)| !set.left_out.contains(&it.id()));
    let package = |(it, role)| {
        let package = Package::new(it, &archive(it) as &Path).with_role(role).without(&set.path_rules);
        let package = if set.package_manager { package } else { package.without_manager() };
        if set.configured.contains(&it.id()) { package } else { package.with_state() }
    };
    let packages: Vec<_> = chosen.map(package).collect();
    let configured = |it: &&Package| set.configured.contains(&it.locked().id());
    let known = packages.iter().filter(|it| !configured(it)).cloned().collect();
    let state = State::new(&set.suite, known, users, timestamp);
    let state = if set.package_manager { state } else { state.without_manager() };
    let packages = packages.into_iter().map(|it| Box::new(it) as Box<dyn Source>);
    Ok(packages.chain([Box::new(state) as Box<dyn Source>]).collect())
}

/// The paths that packages leave to those that say that they replace them (Debian policy 7.6). Where one of the packages is
/// `configured`, its scripts may divert a path that two hold: then its layer leaves the path out, and what dpkg makes of it
/// comes with the configuration.
fn excluded(
    packages: &[DebianPackage],
    examined: &[Examined],
    configured: &[String],
) -> Result<Vec<ExcludedPath>, LockDebianError> {
    let Holders { of_paths, bytecode } = Holders::new(packages, examined);
    let mut excluded = Vec::new();
    let part = |index: usize| PartId::new("debian", &packages[index].name);
    let same_path = |one: usize, other: usize, path: &ImagePath| LockDebianError::SamePath {
        package: packages[one].name.clone(),
        other: packages[other].name.clone(),
        path: path.clone(),
    };
    let by_text: HashMap<&str, usize> =
        of_paths.iter().filter_map(|(path, indexes)| Some((path.as_str(), *indexes.first()?))).collect();
    let is_configured = |index: usize| configured.contains(&packages[index].id());
    for (path, indexes) in &of_paths {
        for folder in path.folders() {
            if let (Some(above), Some(below)) = (by_text.get(folder.as_str()), indexes.first()) {
                return Err(same_path(*above, *below, path));
            }
        }
        let refused = |one: usize, other: usize| same_path(one, other, path);
        let Some(winner) = winner(packages, indexes, is_configured, refused)? else { continue };
        let losers = indexes.iter().filter(|it| match winner {
            Winner::Package(winner) => **it != winner,
            Winner::Configuration => is_configured(**it),
        });
        let winner = match winner {
            Winner::Package(winner) => part(winner),
            Winner::Configuration => configuration::part_id(),
        };
        excluded.extend(losers.map(|it| ExcludedPath {
            part: part(*it),
            path: (*path).clone(),
            winner: winner.clone(),
        }));
    }
    for (index, path, source) in bytecode {
        let holders = of_paths.get(&source).map(Vec::as_slice).unwrap_or_default();
        let lost = |holder: &usize| excluded.iter().find(|it| it.part == part(*holder) && it.path == source);
        // Whoever has the source, or has made it lose its place.
        let winner = match holders.iter().find(|holder| lost(holder).is_none()) {
            Some(holder) => part(*holder),
            None => configuration::part_id(),
        };
        if winner != part(index) {
            excluded.push(ExcludedPath { part: part(index), path: path.clone(), winner });
        }
    }
    excluded.sort();
    excluded.dedup();
    Ok(excluded)
}

/// Which packages hold which paths, by their places in the list.
struct Holders<'a> {
    of_paths: BTreeMap<&'a ImagePath, Vec<usize>>,
    /// Bytecode of sources that are there, which goes with them: who has it, where, and its source.
    bytecode: Vec<(usize, &'a ImagePath, ImagePath)>,
}

impl<'a> Holders<'a> {
    fn new(packages: &[DebianPackage], examined: &'a [Examined]) -> Self {
        let tag = crate::interpreter::among(packages.iter()).map(|it| it.cache_tag());
        let sources: BTreeSet<&ImagePath> = match &tag {
            Some(_) => examined.iter().flat_map(|it| &it.claims).map(|claim| &claim.path).collect(),
            None => BTreeSet::new(),
        };
        let cached = |path: &ImagePath| tag.as_ref()?.cached(path).filter(|it| sources.contains(&it.source));
        let mut holders = Self { of_paths: BTreeMap::new(), bytecode: Vec::new() };
        for (index, examined) in examined.iter().enumerate() {
            for claim in &examined.claims {
                if let Some(cached) = cached(&claim.path) {
                    holders.bytecode.push((index, &claim.path, cached.source));
                    continue;
                }
                let of_path = holders.of_paths.entry(&claim.path).or_default();
                if of_path.last() != Some(&index) {
                    of_path.push(index);
                }
            }
        }
        holders
    }
}

/// Who has a path that several packages hold.
enum Winner {
    /// A package, by its place in the list.
    Package(usize),
    /// What dpkg makes of it.
    Configuration,
}

/// Who of those that hold a path has it; nobody where only one holds it. What replaces another wins; where neither does, dpkg
/// decides if it configures one of the two, and others are `refused`.
fn winner(
    packages: &[DebianPackage],
    indexes: &[usize],
    is_configured: impl Fn(usize) -> bool,
    refused: impl Fn(usize, usize) -> LockDebianError,
) -> Result<Option<Winner>, LockDebianError> {
    let Some((first, rest)) = indexes.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Ok(None);
    };
    let mut winner = *first;
    for other in rest {
        let replaced = (
            replaces(&packages[winner], &packages[*other])?,
            replaces(&packages[*other], &packages[winner])?,
        );
        winner = match replaced {
            (true, false) => winner,
            (false, true) => *other,
            _ if is_configured(winner) || is_configured(*other) => return Ok(Some(Winner::Configuration)),
            _ => return Err(refused(winner, *other)),
        };
    }
    Ok(Some(Winner::Package(winner)))
}

fn replaces(package: &DebianPackage, other: &DebianPackage) -> Result<bool, ResolveError> {
    let Ok(version) = other.version.parse::<Version>() else { return Ok(false) };
    let list: Vec<Relation> =
        relations(&package.name, &package.record, "Replaces")?.into_iter().flatten().collect();
    Ok(list.iter().any(|it| it.name == other.name && it.allows(&version)))
}
