//! A small Debian archive, signed with a key of its own: what the default set asks for, each package with one file.
//!
//! Locking a base from it takes a moment and no network, and it can be tampered with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use imgbuild_oci::Digest;
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, KeyType, SecretKeyParamsBuilder,
    SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Duration, KeyDetails, Password, Timestamp};
use tempfile::TempDir;

use crate::{capture, scratch};

/// The suite that it is.
pub const SUITE: &str = "trixie";

/// The archive, as a folder that a [`crate::Server`] can serve.
pub struct DebianArchive {
    folder: TempDir,
    key: SignedSecretKey,
    index: String,
    /// What stands behind the usual fields of every `InRelease`.
    pub release_fields: String,
    /// For how many seconds signatures are good; 0 is for ever.
    pub lifetime: u32,
}

impl Default for DebianArchive {
    fn default() -> Self {
        Self::new()
    }
}

impl DebianArchive {
    /// The default set, published.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn new() -> Self {
        let key = SecretKeyParamsBuilder::default()
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .primary_user_id("Test <test@example.org>".into())
            .build()
            .unwrap()
            .generate(rand::thread_rng())
            .unwrap();
        let mut archive = Self {
            folder: scratch("debian"),
            key,
            index: String::new(),
            release_fields: String::new(),
            lifetime: 0,
        };
        // conda's `__glibc` comes from here.
        archive.add("libc6", "2.41-1", "Essential: yes\n", "");
        for name in ["apt", "ca-certificates", "tini", "tzdata"] {
            archive.add(name, "1", "", "");
        }
        archive.publish();
        archive
    }

    /// Adds a package with further fields of its stanza and a `postinst`, where that is not empty.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn add(&mut self, name: &str, version: &str, fields: &str, postinst: &str) {
        let deb = deb(name, version, postinst);
        let filename = format!("pool/{name}_{version}_all.deb");
        self.index.push_str(&stanza(name, version, fields, &filename, &deb));
        self.write(&format!("debian/{filename}"), &deb);
    }

    /// Adds a package that somebody else has made, with the fields that it has.
    ///
    /// # Panics
    ///
    /// When dpkg-deb cannot read it, or it cannot be written.
    pub fn add_file(&mut self, deb: &Path) {
        let fields = capture(Command::new("dpkg-deb").arg("--field").arg(deb)).success().stdout;
        let (name, deb) = (deb.file_name().unwrap().to_str().unwrap(), fs_err::read(deb).unwrap());
        self.index.push_str(&format!(
            "{}\nFilename: pool/{name}\nSize: {}\nSHA256: {}\n\n",
            fields.trim_end(),
            deb.len(),
            Digest::of(&deb).hex()
        ));
        self.write(&format!("debian/pool/{name}"), &deb);
    }

    /// Writes and signs the indexes.
    ///
    /// # Panics
    ///
    /// When they cannot be written.
    pub fn publish(&self) {
        self.publish_suite("debian", SUITE, &self.index);
        self.publish_suite("debian", &format!("{SUITE}-updates"), "");
        self.publish_suite("debian-security", &format!("{SUITE}-security"), "");
    }

    /// Writes a flat repository with these packages, by name and version, below `folder`, as vendors have them:
    /// `Packages.gz` is the one index, and the signature stands in a file of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn flat(&self, folder: &str, packages: &[(&str, &str)]) {
        let mut index = String::new();
        for (name, version) in packages {
            let deb = deb(name, version, "");
            let file = format!("{name}_{version}_all.deb");
            index.push_str(&stanza(name, version, "", &format!("./{file}"), &deb));
            self.write(&format!("{folder}/{file}"), &deb);
        }
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(index.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let release = format!(
            "Origin: Test\nDate: Wed, 01 Jan 2020 00:00:00 UTC\nSHA256:\n {} {} Packages.gz\n {} {} Packages\n",
            Digest::of(&packed).hex(),
            packed.len(),
            Digest::of(&index).hex(),
            index.len()
        );
        let signature = DetachedSignature::sign_binary_data(
            rand::thread_rng(),
            &self.key.primary_key,
            &Password::empty(),
            HashAlgorithm::Sha512,
            release.as_bytes(),
        );
        let signature = signature.unwrap().to_armored_bytes(ArmorOptions::default()).unwrap();
        self.write(&format!("{folder}/Packages.gz"), &packed);
        self.write(&format!("{folder}/Release"), release.as_bytes());
        self.write(&format!("{folder}/Release.gpg"), &signature);
    }

    /// The folder to serve: it holds `debian` and `debian-security`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The public key, for `[base] keyring`.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn keyring(&self) -> PathBuf {
        let key = SignedPublicKey::from(self.key.clone());
        let text = key.to_armored_string(ArmorOptions::default()).unwrap();
        self.write("keyring.asc", text.as_bytes());
        self.folder().join("keyring.asc")
    }

    /// The fingerprint of the key, as messages show it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint().to_string().to_uppercase()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.folder().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    fn publish_suite(&self, archive: &str, suite: &str, index: &str) {
        let packed = xz(index.as_bytes());
        let line = |architecture: &str, name: &str, bytes: &[u8]| {
            format!(" {} {} main/binary-{architecture}/{name}\n", Digest::of(bytes).hex(), bytes.len())
        };
        let mut release = format!(
            "Suite: {suite}\nCodename: {suite}\nDate: Wed, 01 Jan 2020 00:00:00 UTC\nArchitectures: amd64 arm64\nComponents: main\n{}SHA256:\n",
            self.release_fields
        );
        for architecture in ["amd64", "arm64"] {
            release.push_str(&line(architecture, "Packages", index.as_bytes()));
            release.push_str(&line(architecture, "Packages.xz", &packed));
            self.write(&format!("{archive}/dists/{suite}/main/binary-{architecture}/Packages.xz"), &packed);
        }
        self.write(&format!("{archive}/dists/{suite}/InRelease"), self.sign(&release).as_bytes());
    }

    fn sign(&self, release: &str) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let now = Timestamp::from_secs(u32::try_from(now).unwrap());
        let key = &self.key.primary_key;
        let mut config = SignatureConfig::from_key(rand::thread_rng(), key, SignatureType::Text).unwrap();
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(now)).unwrap(),
            Subpacket::regular(SubpacketData::IssuerFingerprint(self.key.fingerprint())).unwrap(),
        ];
        if self.lifetime > 0 {
            let lifetime = SubpacketData::SignatureExpirationTime(Duration::from_secs(self.lifetime));
            config.hashed_subpackets.push(Subpacket::regular(lifetime).unwrap());
        }
        let message = CleartextSignedMessage::new(release, config, key, &Password::empty()).unwrap();
        message.to_armored_string(ArmorOptions::default()).unwrap()
    }
}

fn stanza(name: &str, version: &str, fields: &str, filename: &str, deb: &[u8]) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nInstalled-Size: 1\n{fields}Filename: {filename}\nSize: {}\nSHA256: {}\n\n",
        deb.len(),
        Digest::of(deb).hex()
    )
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(6)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A `.deb` (deb(5)) with one file.
fn deb(name: &str, version: &str, postinst: &str) -> Vec<u8> {
    let text = format!("Package: {name}\nVersion: {version}\nArchitecture: all\nDescription: a test\n");
    let mut control = vec![("./control".to_owned(), text, 0o644)];
    if !postinst.is_empty() {
        control.push(("./postinst".to_owned(), postinst.to_owned(), 0o755));
    }
    let data = vec![(format!("./usr/share/doc/{name}/copyright"), "free\n".to_owned(), 0o644)];
    let mut bytes = b"!<arch>\n".to_vec();
    for (member, body) in
        [("debian-binary", b"2.0\n".to_vec()), ("control.tar", tar(&control)), ("data.tar", tar(&data))]
    {
        bytes.extend(
            format!("{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, body.len()).bytes(),
        );
        bytes.extend_from_slice(&body);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    bytes
}

fn tar(files: &[(String, String, u32)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text, mode) in files {
        // dpkg makes no folder that the package does not hold.
        let folders = path.trim_start_matches("./").match_indices('/').map(|(end, _)| end);
        for end in folders {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            header.set_mode(0o755);
            header.set_mtime(1_000_000_000);
            header.set_uid(0);
            header.set_gid(0);
            let folder = format!("{}/", &path.trim_start_matches("./")[..end]);
            builder.append_data(&mut header, folder, std::io::empty()).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(1_000_000_000);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, path.trim_start_matches("./"), text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}
