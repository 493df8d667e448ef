//! Locking an environment: from what the spec asks for to packages, facts, exclusions and compilers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use futures::{FutureExt, StreamExt, TryStreamExt};
use imgbuild_archive::{ImagePath, TarKind};
use imgbuild_layer::{Claim, FileSizes, PartId};
use imgbuild_lock::{Compiler, CondaFacts, CondaPackage, CondaSet, ExcludedPath};
use imgbuild_oci::{Digest, Platform};
use rattler::install::PythonInfo;
use rattler_conda_types::{PackageRecord, RepoDataRecord};

use crate::activation::{activation, is_activation_script, is_variables_file};
use crate::conda_archive::{Archive, ArchiveFormat};
use crate::facts::{Layout, facts, needs_files};
use crate::fetch::{Metadata, MetadataError};
use crate::info::{Info, InfoError, count_script};
use crate::locked_python::{cache_tag, python_info, python_record};
use crate::locking_error::LockingError;
use crate::record;
use crate::request::Request;
use crate::solve::Solving;
use crate::subdir::subdir;

/// How the name of a script ends that runs when its package is there.
const POST_LINK: &str = "-post-link.sh";

/// What the environment is, beside its packages.
#[derive(Debug, Clone)]
pub struct EnvironmentRequest {
    /// What the solver is asked.
    pub request: Request,
    /// The platform.
    pub platform: Platform,
    /// Where the environment stands.
    pub prefix: ImagePath,
    /// The prefix below whose `envs` it stands under its name; nothing for one that stands for itself.
    pub root_prefix: Option<ImagePath>,
    /// Its name.
    pub name: String,
    /// What its file calls it, where that is another name.
    pub alias: Option<String>,
    /// The variables of the environment file.
    pub variables: BTreeMap<String, String>,
    /// Packages whose post-link scripts are run.
    pub allow_post_link: BTreeSet<String>,
    /// Packages whose link scripts are not run.
    pub skip_post_link: BTreeSet<String>,
    /// Packages that are installed although they contradict themselves.
    pub accept_damaged: BTreeSet<String>,
    /// The build machines for which interpreters are locked; none where no bytecode is made.
    pub hosts: BTreeSet<Platform>,
    /// The sizes of the files of packages that have more bytes than this are wanted; nothing where of none.
    pub sizes_above: Option<u64>,
    /// The facts of an earlier lock, by the archives' hashes: those that need a whole archive are not read again.
    pub known: BTreeMap<Digest, CondaFacts>,
}

impl EnvironmentRequest {
    /// Where it stands, and what its parts are told from those of other environments by.
    fn place(&self) -> (&ImagePath, Option<&str>) {
        (&self.prefix, self.root_prefix.as_ref().map(|_| self.name.as_str()))
    }
}

/// A package that was looked at.
struct Examined {
    package: CondaPackage,
    record: RepoDataRecord,
    info: Info,
}

/// An environment as it is locked.
#[derive(Debug, Clone)]
pub struct LockedEnvironment {
    /// The environment.
    pub set: CondaSet,
    /// Its packages, and those of its compilers.
    pub packages: Vec<CondaPackage>,
    /// The sizes of the files of its large packages, by their paths in the image.
    pub sizes: BTreeMap<PartId, FileSizes>,
}

/// Locks an environment. `records` are its packages where they are given, as by an explicit list; else it is solved.
///
/// # Errors
///
/// When it cannot be solved, a package cannot be read, or is one that cannot be installed.
pub async fn lock_environment(
    wishes: &EnvironmentRequest,
    solving: &Solving,
    metadata: &Metadata<'_>,
    records: Option<Vec<RepoDataRecord>>,
) -> Result<LockedEnvironment, LockingError> {
    let records = match records {
        Some(records) => PackageRecord::sort_topologically(records),
        None => solving.solve(&wishes.request).await?,
    };
    let mut compilers = Vec::new();
    let mut others = Vec::new();
    for host in &wishes.hosts {
        if let Some((compiler, extra)) = compiler(wishes, solving, &records, *host).await? {
            compilers.push(compiler);
            others.extend(extra);
        }
    }
    let examined = examine(wishes, metadata, records).await?;
    let excluded = exclusions(wishes, &examined)?;
    let post_link = post_link(wishes, &examined)?;
    let sizes = sizes(wishes, &examined)?;
    let mut packages: Vec<CondaPackage> = examined.into_iter().map(|it| it.package).collect();
    let is_there = |name: &&String| packages.iter().any(|package| package.name().eq_ignore_ascii_case(name));
    let set = CondaSet {
        prefix: wishes.prefix.clone(),
        root_prefix: wishes.root_prefix.clone(),
        name: wishes.name.clone(),
        alias: wishes.alias.clone(),
        channels: wishes.request.channels.iter().map(|served| served.url().to_string()).collect(),
        requested: wishes.request.specs.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        virtual_packages: wishes.request.virtual_packages.clone(),
        packages: packages.iter().map(|package| package.url.clone()).collect(),
        excluded,
        compilers,
        post_link,
        accept_damaged: wishes.accept_damaged.iter().filter(|name| is_there(name)).cloned().collect(),
        variables: wishes.variables.clone(),
    };
    packages.extend(examine(wishes, metadata, others).await?.into_iter().map(|it| it.package));
    Ok(LockedEnvironment { set, packages, sizes })
}

async fn examine(
    wishes: &EnvironmentRequest,
    metadata: &Metadata<'_>,
    records: Vec<RepoDataRecord>,
) -> Result<Vec<Examined>, LockingError> {
    // The results come back in the order of the records, whichever answer is first.
    let examined = records.into_iter().map(|record| examine_one(wishes, metadata, record));
    futures::stream::iter(examined).buffered(16).try_collect().await
}

async fn examine_one(
    wishes: &EnvironmentRequest,
    metadata: &Metadata<'_>,
    record: RepoDataRecord,
) -> Result<Examined, LockingError> {
    let (sha256, info) = metadata.info(&record).await?;
    if let Some(size) = record.package_record.size {
        info.check_declared(size)
            .map_err(|error| MetadataError::Info { name: record.identifier.to_file_name(), error })?;
    }
    let facts = match wishes.known.get(&sha256) {
        // An earlier lock may lack what this program reads, so only what needs the files is taken from it.
        Some(known) => CondaFacts { activation: known.activation.clone(), ..facts(&info) },
        None => complete_facts(metadata, &record, &info).await?,
    };
    let package = CondaPackage {
        url: record.url.to_string(),
        channel: record.channel.clone().unwrap_or_default(),
        size: record.package_record.size,
        sha256,
        facts,
        record: record::to_table(&record)?,
    };
    Ok(Examined { package, record, info })
}

/// The facts, with those that stand in the package's files: these are few, and need the whole archive.
async fn complete_facts(
    metadata: &Metadata<'_>,
    record: &RepoDataRecord,
    info: &Info,
) -> Result<CondaFacts, LockingError> {
    let mut facts = facts(info);
    if needs_files(info) {
        let (_, path) = metadata.archive(record).await?;
        let name = record.identifier.to_file_name();
        let read = || -> Result<_, InfoError> {
            let archive = Archive::new(&path, ArchiveFormat::of(&name)?);
            let size = archive.size().map_err(crate::ArchiveError::Read)?;
            info.check_declared(size)?;
            let mut tar = archive.content(info.content_limit(size, metadata.damaged(record)))?;
            let (mut files, mut bytes_of_scripts) = (Vec::new(), 0);
            while let Some(head) = tar.next_entry()? {
                let Some(path) = head.path else { continue };
                let wanted = is_activation_script(path.as_str()) || is_variables_file(path.as_str());
                if wanted && head.kind == TarKind::File && info.paths.contains_key(&path) {
                    count_script(&mut bytes_of_scripts, &path, head.size)?;
                    let mut bytes = Vec::new();
                    tar.body().read_to_end(&mut bytes).map_err(crate::ArchiveError::Read)?;
                    files.push((path, String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
            Ok(files)
        };
        let files = read().map_err(|error| MetadataError::Info { name: name.clone(), error })?;
        facts.activation = activation(files);
    }
    Ok(facts)
}

fn exclusions(wishes: &EnvironmentRequest, examined: &[Examined]) -> Result<Vec<ExcludedPath>, LockingError> {
    let python = python_info(examined.iter().map(|it| &it.record), wishes.request.subdir)?;
    let claims = examined.iter().map(|it| claimed(&it.package, &it.info, python.as_ref(), wishes.place()));
    let claims = claims.collect::<Result<Vec<_>, _>>()?;
    let record = python_record(examined.iter().map(|it| &it.record));
    let tag = record.zip(python.as_ref()).map(|(record, info)| cache_tag(record, info));
    let excluded = imgbuild_python::resolve(&claims, tag.as_ref())?.excluded.into_iter();
    Ok(excluded.map(|it| ExcludedPath { part: it.part, path: it.path, winner: it.winner }).collect())
}

/// The paths in the image that a package writes.
fn claimed(
    package: &CondaPackage,
    info: &Info,
    python: Option<&PythonInfo>,
    (prefix, scope): (&ImagePath, Option<&str>),
) -> Result<(PartId, Vec<Claim>), LockingError> {
    let path_error = |error| LockingError::Path { package: package.file_name().to_owned(), error };
    let mut claimed = layout(package, info, python)?.claims(info).map_err(path_error)?;
    for claim in &mut claimed {
        claim.path = prefix.join_path(&claim.path).map_err(path_error)?;
    }
    Ok((PartId::in_scope("conda", scope, package.name()), claimed))
}

/// Where the files of a package stand.
fn layout<'a>(
    package: &CondaPackage,
    info: &Info,
    python: Option<&'a PythonInfo>,
) -> Result<Layout<'a>, LockingError> {
    match (info.index.noarch.is_python(), python) {
        (false, _) => Ok(Layout::new(None)),
        (true, Some(python)) => Ok(Layout::new(Some(python))),
        (true, None) => Err(LockingError::NoPython { package: package.file_name().to_owned() }),
    }
}

/// The sizes of the files of the large packages.
fn sizes(
    wishes: &EnvironmentRequest,
    examined: &[Examined],
) -> Result<BTreeMap<PartId, FileSizes>, LockingError> {
    let python = python_info(examined.iter().map(|it| &it.record), wishes.request.subdir)?;
    let (prefix, scope) = wishes.place();
    let is_large = |it: &&Examined| wishes.sizes_above.is_some_and(|above| it.info.installed_size() > above);
    let sized = examined.iter().filter(is_large).map(|Examined { package, info, .. }| {
        let path_error = |error| LockingError::Path { package: package.file_name().to_owned(), error };
        let sizes = layout(package, info, python.as_ref())?.sizes(info).map_err(path_error)?.into_iter();
        let sizes = sizes.map(|(path, size)| Ok((prefix.join_path(&path).map_err(path_error)?, size)));
        Ok((PartId::in_scope("conda", scope, package.name()), sizes.collect::<Result<_, LockingError>>()?))
    });
    sized.collect()
}

/// The paths that the packages of a locked environment write, in its order: so that what is put beside them can be compared.
///
/// # Errors
///
/// When the lock is damaged, or a package's metadata cannot be had.
pub async fn claims(
    set: &CondaSet,
    packages: &[&CondaPackage],
    platform: Platform,
    metadata: &Metadata<'_>,
) -> Result<Vec<(PartId, Vec<Claim>)>, LockingError> {
    let records: Vec<RepoDataRecord> =
        packages.iter().map(|package| record::from_package(package)).collect::<Result<_, _>>()?;
    let python = python_info(&records, subdir(platform))?;
    let python = python.as_ref();
    let claims = packages.iter().zip(&records).map(|(package, record)| {
        let claimed = async move {
            let (_, info) = metadata.info(record).await?;
            claimed(package, &info, python, (&set.prefix, set.scope()))
        };
        claimed.boxed()
    });
    let claims: Vec<_> = claims.collect();
    futures::stream::iter(claims).buffered(16).try_collect().await
}

/// The URLs of the packages whose post-link script is run, in topological order.
fn post_link(wishes: &EnvironmentRequest, examined: &[Examined]) -> Result<Vec<String>, LockingError> {
    let mut urls = Vec::new();
    for Examined { package, .. } in examined {
        if package.facts.link_scripts.is_empty() || wishes.skip_post_link.contains(package.name()) {
            continue;
        }
        let allowed = wishes.allow_post_link.contains(package.name());
        // A script that runs before the package is there cannot run after all of them are.
        let refused = package.facts.link_scripts.iter().find(|it| !allowed || !it.ends_with(POST_LINK));
        if let Some(script) = refused {
            let package = package.name().to_owned();
            return Err(LockingError::LinkScript { package, script: script.clone() });
        }
        urls.push(package.url.clone());
    }
    Ok(urls)
}

/// The interpreter for one kind of build machine: the environment's own where it runs there, else one of exactly the
/// same version, solved for that machine. Gives also the packages that are not in the environment.
async fn compiler(
    wishes: &EnvironmentRequest,
    solving: &Solving,
    records: &[RepoDataRecord],
    host: Platform,
) -> Result<Option<(Compiler, Vec<RepoDataRecord>)>, LockingError> {
    let Some(python) = python_record(records) else { return Ok(None) };
    let urls = |records: &[RepoDataRecord]| records.iter().map(|record| record.url.to_string()).collect();
    if host == wishes.platform {
        return Ok(Some((Compiler { host, packages: closure(python, records) }, Vec::new())));
    }
    let version = python.package_record.version.to_string();
    let mut virtual_packages = crate::virtual_packages::virtual_packages(subdir(host), None, None);
    if let Some(glibc) = wishes.request.virtual_packages.get("__glibc") {
        virtual_packages.insert("__glibc".to_owned(), glibc.clone());
    }
    let request = Request {
        specs: vec![format!("python =={version}")],
        subdir: subdir(host),
        virtual_packages,
        // It compiles, and installs nothing.
        pip: false,
        constraints: Vec::new(),
        cuda: None,
        ..wishes.request.clone()
    };
    let solved = solving.solve(&request).await;
    let solved =
        solved.map_err(|error| LockingError::Compiler { version, host, error: Box::new(error.into()) })?;
    Ok(Some((Compiler { host, packages: urls(&solved) }, solved)))
}

/// The URLs of a package and of everything that it depends on, in the order of `records`.
fn closure(root: &RepoDataRecord, records: &[RepoDataRecord]) -> Vec<String> {
    let wanted = closure_names(root.package_record.name.as_normalized(), records);
    let in_closure = |record: &&RepoDataRecord| wanted.contains(record.package_record.name.as_normalized());
    records.iter().filter(in_closure).map(|record| record.url.to_string()).collect()
}

/// The names of a package and of everything that it depends on. The records are in topological order.
pub(crate) fn closure_names(root: &str, records: &[RepoDataRecord]) -> BTreeSet<String> {
    let mut names = BTreeSet::from([root.to_owned()]);
    // What a package depends on comes before it, so one pass from the end suffices.
    for record in records.iter().rev() {
        if names.contains(record.package_record.name.as_normalized()) {
            names.extend(dependencies(record));
        }
    }
    names
}

/// The names of what a package depends on directly.
fn dependencies(record: &RepoDataRecord) -> impl Iterator<Item = String> + '_ {
    let name = |spec: &String| spec.split_whitespace().next().map(|name| name.to_lowercase());
    record.package_record.depends.iter().filter_map(name)
}
