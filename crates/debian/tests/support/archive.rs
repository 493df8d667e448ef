//! A Debian archive in memory, signed with a key that is made for the test.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use imgbuild_debian::{
    Fetch, FetchError, IndexRequest, Keyring, LockDebianError, Locked, Mirror, Request, ServedRepository,
    lock,
};
use imgbuild_document::Origin;
use imgbuild_oci::{Digest, Platform};
use imgbuild_secret::SecretUrl;
use imgbuild_spec::{Component, Pin, Repository};
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, KeyType, SecretKeyParamsBuilder,
    SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Duration, KeyDetails, Password, Timestamp};

/// When the tests take place, in seconds since 1970: 2030-01-01. Keys are made by the real clock, before that.
pub(crate) const NOW: i64 = 1_893_456_000;

/// A package to be: its stanza's fields, and the files of its `.deb`.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static str,
    pub(crate) deb: Vec<u8>,
}

pub(crate) struct Archive {
    key: SignedSecretKey,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    folder: tempfile::TempDir,
    /// For how long signatures are good, in seconds; 0 is for ever.
    pub(crate) lifetime: u32,
    /// When signatures are made.
    pub(crate) signed_at: i64,
    /// The components that are asked for.
    pub(crate) components: Vec<Component>,
    /// What is left out.
    pub(crate) path_rules: Vec<imgbuild_lock::PathRule>,
    /// What some packages are held to.
    pub(crate) pins: Vec<Pin>,
    /// The further repositories that are asked for.
    pub(crate) repositories: Vec<ServedRepository>,
}

/// Where the spec says nothing that an error speaks of.
pub(crate) fn origin() -> Origin {
    Origin::new(&imgbuild_document::source("spec.toml", String::new()), 0..0, "")
}

impl Archive {
    /// An archive of the suite `test` with these packages; the ones that the default set names are added, empty.
    pub(crate) fn new(packages: Vec<Package>) -> Self {
        let key = SecretKeyParamsBuilder::default()
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .primary_user_id("Test <test@example.org>".into())
            .build()
            .unwrap()
            .generate(rand::thread_rng())
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Self {
            key,
            files: BTreeMap::new(),
            folder,
            lifetime: 0,
            signed_at: NOW - 60,
            components: vec!["main".parse().unwrap()],
            path_rules: Vec::new(),
            pins: Vec::new(),
            repositories: Vec::new(),
        };
        let mut index = String::new();
        let defaults =
            imgbuild_debian::DEFAULT_PACKAGES.map(|name| Package { name, fields: "", deb: plain_deb(name) });
        for package in defaults.into_iter().chain(packages) {
            let version = if package.fields.contains("Version:") { "" } else { "Version: 1\n" };
            let fields = format!("{version}{}", package.fields);
            index.push_str(&archive.stanza("debian", package.name, &fields, &package.deb));
        }
        archive.publish("debian", "test", &index);
        archive.publish("debian", "test-updates", "");
        archive.publish("debian-security", "test-security", "");
        archive
    }

    /// Writes the index of a suite and signs it.
    pub(crate) fn publish(&mut self, archive: &str, suite: &str, index: &str) {
        self.publish_with(archive, suite, index, "");
    }

    /// The same, with further fields of its `Release`.
    pub(crate) fn publish_with(&mut self, archive: &str, suite: &str, index: &str, fields: &str) {
        let folder = format!("{archive}/dists/{suite}");
        let packed = xz(index.as_bytes());
        let line = |bytes: &[u8], name: &str| {
            format!(" {} {} main/binary-amd64/{name}\n", Digest::of(bytes).hex(), bytes.len())
        };
        let release = format!(
            "Suite: {suite}\nCodename: {suite}\nDate: Mon, 31 Dec 2029 00:00:00 UTC\nArchitectures: amd64\nComponents: main\n{fields}SHA256:\n{}{}",
            line(index.as_bytes(), "Packages"),
            line(&packed, "Packages.xz")
        );
        self.files.insert(format!("{folder}/main/binary-amd64/Packages.xz"), packed);
        self.sign(archive, suite, &release);
    }

    /// Adds a flat repository with these packages at `name`, and asks for it: `Packages.gz` is the one index, the
    /// signature stands in a file of its own, and nothing says of which suite it is.
    pub(crate) fn add_flat(&mut self, name: &str, packages: &[Package]) {
        let mut index = String::new();
        for package in packages {
            let stanza = self.stanza(name, package.name, package.fields, &package.deb);
            index.push_str(&stanza.replace("Filename: pool/", "Filename: ./pool/"));
        }
        let packed = gzip(index.as_bytes());
        let release = format!(
            "Origin: Test\nDate: Mon, 31 Dec 2029 00:00:00 +0000\nSHA256:\n {} {} ./Packages.gz\n",
            Digest::of(&packed).hex(),
            packed.len()
        );
        let signature = DetachedSignature::sign_binary_data(
            rand::thread_rng(),
            &self.key.primary_key,
            &Password::empty(),
            HashAlgorithm::Sha512,
            release.as_bytes(),
        );
        let signature = signature.unwrap().to_armored_bytes(ArmorOptions::default()).unwrap();
        self.files.insert(format!("{name}/Packages.gz"), packed);
        self.files.insert(format!("{name}/Release"), release.into_bytes());
        self.files.insert(format!("{name}/Release.gpg"), signature);
        self.ask_for(name, "./", &[]);
    }

    /// Adds a package to an archive, and gives its stanza.
    pub(crate) fn stanza(&mut self, archive: &str, name: &str, fields: &str, deb: &[u8]) -> String {
        self.files.insert(format!("{archive}/pool/{name}.deb"), deb.to_vec());
        format!(
            "Package: {name}\nArchitecture: all\nInstalled-Size: 1\n{fields}Filename: pool/{name}.deb\nSize: {}\nSHA256: {}\n\n",
            deb.len(),
            Digest::of(deb).hex()
        )
    }

    /// Asks for a further repository at `name`.
    pub(crate) fn ask_for(&mut self, name: &str, suite: &str, components: &[&str]) {
        let root = format!("http://127.0.0.1/{name}");
        let repository = Repository {
            name: name.parse().unwrap(),
            url: root.parse().unwrap(),
            suite: suite.parse().unwrap(),
            components: components.iter().map(|it| it.parse().unwrap()).collect(),
            keyring: None,
            origin: origin(),
        };
        let (root, keyring) = (root.parse().unwrap(), self.keyring());
        self.repositories.push(ServedRepository { repository, root, keyring });
    }

    pub(crate) fn sign(&mut self, archive: &str, suite: &str, release: &str) {
        let signed_at = Timestamp::from_secs(u32::try_from(self.signed_at).unwrap());
        let mut config =
            SignatureConfig::from_key(rand::thread_rng(), &self.key.primary_key, SignatureType::Text)
                .unwrap();
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(signed_at)).unwrap(),
            Subpacket::regular(SubpacketData::IssuerFingerprint(self.key.fingerprint())).unwrap(),
        ];
        if self.lifetime > 0 {
            let lifetime = SubpacketData::SignatureExpirationTime(Duration::from_secs(self.lifetime));
            config.hashed_subpackets.push(Subpacket::regular(lifetime).unwrap());
        }
        let message =
            CleartextSignedMessage::new(release, config, &self.key.primary_key, &Password::empty()).unwrap();
        let text = message.to_armored_string(ArmorOptions::default()).unwrap();
        self.files.insert(format!("{archive}/dists/{suite}/InRelease"), text.into_bytes());
    }

    pub(crate) fn keyring(&self) -> Keyring {
        let key = SignedPublicKey::from(self.key.clone());
        Keyring::read(key.to_armored_string(ArmorOptions::default()).unwrap().as_bytes()).unwrap()
    }

    pub(crate) fn lock(&self, packages: &[&str]) -> Result<Locked, LockDebianError> {
        self.lock_with(packages, &self.keyring(), false, &[])
    }

    pub(crate) fn lock_with(
        &self,
        packages: &[&str],
        keyring: &Keyring,
        offline: bool,
        keep: &[imgbuild_lock::DebianPackage],
    ) -> Result<Locked, LockDebianError> {
        let packages: Vec<String> = packages.iter().map(|it| (*it).to_owned()).collect();
        let mirror = Mirror::new(&imgbuild_secret::SecretText::new("http://127.0.0.1/debian")).unwrap();
        let cache = self.folder.path().join("cache");
        let request = Request {
            index: IndexRequest {
                suite: "test",
                platform: Platform::LinuxAmd64,
                components: &self.components,
                mirror: &mirror,
                keyring,
                repositories: &self.repositories,
                now: NOW,
                snapshot: None,
                cache: &cache,
                offline,
            },
            image_mirror: Some(&mirror),
            packages: &packages,
            python: None,
            configure: true,
            package_manager: true,
            path_rules: &self.path_rules,
            pins: &self.pins,
            keep,
        };
        tokio::runtime::Runtime::new().unwrap().block_on(lock(&request, self))
    }

    /// The message of a failure, with the key and paths that differ from run to run named.
    pub(crate) fn failure(&self, packages: &[&str]) -> String {
        self.shown(&self.lock(packages).unwrap_err())
    }

    pub(crate) fn shown(&self, error: &LockDebianError) -> String {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            text.push_str(&format!("\ncaused by: {error}"));
            source = error.source();
        }
        text.extend(imgbuild_diagnostic::hints(error).iter().map(|hint| format!("\nhint: {hint}")));
        let key = self.key.fingerprint().to_string().to_uppercase();
        text.replace(&key, "KEY").replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

impl Fetch for Archive {
    async fn get(&self, url: &SecretUrl, limit: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self
            .files
            .get(url.whole().path().trim_start_matches('/'))
            .ok_or_else(|| FetchError::NotFound(url.clone()))?;
        let end = bytes.len().min(usize::try_from(limit).unwrap());
        Ok(bytes[..end].to_vec())
    }

    async fn archive(
        &self,
        _: &str,
        url: &SecretUrl,
        sha256: &Digest,
        size: u64,
    ) -> Result<PathBuf, FetchError> {
        let bytes = self.get(url, size).await?;
        if Digest::of(&bytes) != *sha256 {
            return Err(FetchError::Other(format!("`{url}` has another hash than the index says").into()));
        }
        let path = self.folder.path().join(url.whole().path().rsplit('/').next().unwrap());
        std::fs::write(&path, bytes).unwrap();
        Ok(path)
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(6)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// An `ar` archive.
pub(crate) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, body) in members {
        bytes
            .extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100644, body.len()).bytes());
        bytes.extend_from_slice(body);
        if body.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// One entry of a tar, with a name that nothing checks.
pub(crate) fn entry(name: &str, kind: tar::EntryType, link: &str, body: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(body.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_000_000_000);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn tarball(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(crate) fn control(name: &str) -> Vec<u8> {
    let text = format!("Package: {name}\nVersion: 1\nArchitecture: all\nDescription: a test\n");
    tarball(&[entry("./control", tar::EntryType::Regular, "", text.as_bytes())])
}

/// A `.deb` with this tar as its data.
pub(crate) fn deb(name: &str, data: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control(name)), ("data.tar", data)])
}

pub(crate) fn plain_deb(name: &str) -> Vec<u8> {
    let path = format!("./usr/share/doc/{name}/copyright");
    deb(name, &tarball(&[entry(&path, tar::EntryType::Regular, "", b"free\n")]))
}
