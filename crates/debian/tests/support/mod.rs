//! What the tests against real packages share: the network by `curl`, and a folder as a sink.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_debian::{
    Fetch, FetchError, IndexRequest, Keyring, Locked, Mirror, Request, compiler, lock, sources,
};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, SinkError, Source, WriteOptions};
use imgbuild_lock::DebianPackage;
use imgbuild_oci::{Digest, Platform};
use imgbuild_runtime::User;
use imgbuild_secret::SecretUrl;

/// The time of what no package holds, and `SOURCE_DATE_EPOCH` of the oracle.
pub(crate) const TIMESTAMP: i64 = 1_700_000_000;

/// Fetches with `curl`, and keeps archives in a folder that lasts from one run to the next.
pub(crate) struct Curl {
    pub(crate) folder: PathBuf,
}

impl Curl {
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-archives");
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, sha256: &Digest) -> PathBuf {
        self.folder.join(sha256.hex())
    }
}

impl Fetch for Curl {
    async fn get(&self, url: &SecretUrl, _limit: u64) -> Result<Vec<u8>, FetchError> {
        let output = Command::new("curl")
            .args(["-fsSL", "--retry", "3", url.whole().as_str()])
            .output()
            .expect("curl");
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            Some(22) => Err(FetchError::NotFound(url.clone())),
            _ => Err(FetchError::Other(String::from_utf8_lossy(&output.stderr).into_owned().into())),
        }
    }

    async fn archive(
        &self,
        _: &str,
        url: &SecretUrl,
        sha256: &Digest,
        size: u64,
    ) -> Result<PathBuf, FetchError> {
        let path = self.path(sha256);
        if !path.exists() {
            let bytes = self.get(url, size).await?;
            assert_eq!(Digest::of(&bytes), *sha256, "{url}");
            let partial = tempfile::NamedTempFile::new_in(&self.folder).unwrap();
            fs::write(partial.path(), bytes).unwrap();
            partial.persist(&path).unwrap();
        }
        Ok(path)
    }
}

/// Locks a base from the build host's own mirror.
pub(crate) fn locked(suite: &str, platform: Platform, packages: &[&str], python: Option<&str>) -> Locked {
    locked_without(suite, platform, packages, python, &[])
}

/// Locks a base without these paths.
pub(crate) fn locked_without(
    suite: &str,
    platform: Platform,
    packages: &[&str],
    python: Option<&str>,
    path_rules: &[imgbuild_lock::PathRule],
) -> Locked {
    try_locked(suite, platform, packages, python, None, path_rules)
        .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

pub(crate) fn try_locked(
    suite: &str,
    platform: Platform,
    packages: &[&str],
    python: Option<&str>,
    compiler_of: Option<&str>,
    path_rules: &[imgbuild_lock::PathRule],
) -> Result<Locked, imgbuild_debian::LockDebianError> {
    let curl = Curl::new();
    let mirror = Mirror::choose(None, Path::new("/etc/apt"), suite).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let packages: Vec<String> = packages.iter().map(|it| (*it).to_owned()).collect();
    let request = Request {
        index: IndexRequest {
            suite,
            platform,
            components: &["main".parse().unwrap()],
            mirror: &mirror,
            keyring: &Keyring::debian().unwrap(),
            repositories: &[],
            now: i64::try_from(now).unwrap(),
            snapshot: None,
            cache: &curl.folder,
            offline: false,
        },
        image_mirror: Some(&mirror),
        packages: &packages,
        python,
        configure: true,
        package_manager: true,
        path_rules,
        pins: &[],
        keep: &[],
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(version) = compiler_of {
        let (compiler, packages) = runtime.block_on(compiler(&request, version, &curl))?;
        let set = imgbuild_lock::DebianSet {
            suite: suite.to_owned(),
            mirror: None,
            security_mirror: None,
            components: vec!["main".to_owned()],
            keyring: None,
            repositories: Vec::new(),
            path_rules: Vec::new(),
            packages: compiler.packages,
            requested: Vec::new(),
            package_manager: true,
            left_out: Vec::new(),
            configured: Vec::new(),
            pins: std::collections::BTreeMap::new(),
            excluded: Vec::new(),
            compilers: Vec::new(),
        };
        return Ok(Locked { set, packages });
    }
    runtime.block_on(lock(&request, &curl))
}

/// What the layers of a base are made of.
pub(crate) fn sources_of(locked: &Locked, users: &[User]) -> Vec<Box<dyn Source>> {
    let curl = Curl::new();
    let archive = |it: &DebianPackage| curl.path(&it.sha256);
    sources(&locked.set, &locked.packages, archive, users, TIMESTAMP).unwrap()
}

/// Writes a whole base into `root`, as an engine would unpack its layers.
pub(crate) fn write_base(locked: &Locked, users: &[User], root: &Path) {
    let mut folder = Folder::new(root);
    for source in sources_of(locked, users) {
        let excluded = locked.set.excluded.iter().filter(|it| it.part == source.part().id);
        let exclusions: Exclusions = excluded.map(|it| it.path.clone()).collect();
        source
            .write(&exclusions, &mut folder)
            .unwrap_or_else(|error| panic!("{}: {error}", source.part().id));
    }
    for (path, mode) in folder.directories.iter().rev() {
        fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
    }
}

/// A folder that takes entries.
pub(crate) struct Folder {
    root: PathBuf,
    directories: Vec<(PathBuf, u32)>,
}

impl Folder {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), directories: Vec::new() }
    }
}

impl EntrySink for Folder {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let path = self.root.join(head.path.as_str());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match &head.kind {
            EntryKind::Directory => {
                fs::create_dir_all(&path).map_err(SinkError::Write)?;
                self.directories.push((path.clone(), head.mode));
                chown(&path, Some(head.owner.uid), Some(head.owner.gid)).unwrap();
            }
            EntryKind::File { size } => {
                let mut bytes = Vec::new();
                body.read_to_end(&mut bytes)
                    .map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
                assert_eq!(bytes.len() as u64, *size, "{}", head.path);
                fs::write(&path, bytes).unwrap();
                chown(&path, Some(head.owner.uid), Some(head.owner.gid)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(head.mode)).unwrap();
            }
            EntryKind::Symlink { target } => {
                if path.symlink_metadata().is_ok_and(|it| !it.is_dir()) {
                    fs::remove_file(&path).unwrap();
                }
                symlink(target, &path).unwrap_or_else(|error| panic!("{}: {error}", head.path));
                lchown(&path, Some(head.owner.uid), Some(head.owner.gid)).unwrap();
            }
            EntryKind::Hardlink { target } => fs::hard_link(self.root.join(target.as_str()), &path).unwrap(),
            kind => panic!("{}: {kind:?}", head.path),
        }
        Ok(())
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}
