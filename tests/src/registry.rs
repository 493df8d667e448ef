//! A registry on the loopback: Debian's `docker-registry`, filled by its own protocol.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use imgbuild_oci::Digest;
use serde_json::json;
use tempfile::TempDir;

use crate::distribution::Certificates;
use crate::{Daemon, scratch};

/// A registry, which ends when it is dropped.
pub struct Registry {
    address: String,
    authorization: Option<String>,
    _daemon: Daemon,
    folder: TempDir,
}

/// Whom a registry lets in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard<'a> {
    /// `user` alone, with the password `hunter2`.
    pub password: bool,
    /// Who speaks TLS alone, and whose certificates these are.
    pub tls: Option<&'a Certificates>,
    /// Who shows a certificate of the same authority alone.
    pub asks_clients: bool,
}

/// What the registry keeps of a password: bcrypt of `hunter2`.
const HUNTER2: &str = "$2b$04$ZWbbzpoGcNE2ANTuh3939OwS717Vobttn70HuXW48AsehBaGJ8.Qu";

impl Registry {
    /// One that everybody may use.
    pub fn new() -> Self {
        Self::guarded(Guard::default())
    }

    /// One for `user` with the password `hunter2`.
    pub fn with_password() -> Self {
        Self::guarded(Guard { password: true, ..Guard::default() })
    }

    /// One that is guarded in some way. Only one without TLS can be filled by the functions below.
    ///
    /// # Panics
    ///
    /// When it does not serve.
    pub fn guarded(guard: Guard<'_>) -> Self {
        let folder = scratch("registry");
        // The port is free a moment from now as well: nobody else is given it so soon.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut config = json!({
            "version": "0.1",
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("store") } },
            "http": { "addr": address },
        });
        if guard.password {
            let users = folder.path().join("users");
            fs_err::write(&users, format!("user:{HUNTER2}\n")).unwrap();
            config["auth"] = json!({ "htpasswd": { "realm": "test", "path": users } });
        }
        if let Some(certificates) = guard.tls {
            let [certificate, key] = certificates.server_files();
            config["http"]["tls"] = json!({ "certificate": certificate, "key": key });
            if guard.asks_clients {
                config["http"]["tls"]["clientcas"] = json!([certificates.authority()]);
            }
        }
        let file = folder.path().join("config.yml");
        // JSON is YAML.
        fs_err::write(&file, config.to_string()).unwrap();
        let arguments = ["serve", file.to_str().unwrap()];
        let ready = || TcpStream::connect(&address).is_ok();
        let daemon = Daemon::start("docker-registry", &arguments, &folder.path().join("log"), ready);
        let authorization = guard.password.then(|| "Basic dXNlcjpodW50ZXIy".to_owned());
        Self { address, authorization, _daemon: daemon, folder }
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Puts a manifest of one layer into a repository.
    ///
    /// # Panics
    ///
    /// When the registry does not take it.
    pub fn push(&self, repository: &str, tag: &str, media_type: &str, content: &[u8]) {
        let config = ("application/vnd.unknown.config.v1+json", "{}");
        self.push_with(repository, tag, config, (media_type, content));
    }

    /// Puts an image for amd64 of one layer into a repository.
    ///
    /// # Panics
    ///
    /// When the registry does not take it.
    pub fn push_image(&self, repository: &str, tag: &str, media_type: &str, content: &[u8]) {
        let diff_id = Digest::of(content);
        let rootfs = json!({ "type": "layers", "diff_ids": [diff_id] });
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": rootfs }).to_string();
        let config = ("application/vnd.oci.image.config.v1+json", config.as_str());
        self.push_with(repository, tag, config, (media_type, content));
    }

    /// The file in which it keeps a blob.
    pub fn blob_file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let blobs = self.folder.path().join("store/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(&hex).join("data")
    }

    /// Puts a manifest under a tag or its digest, whatever it says.
    ///
    /// # Panics
    ///
    /// When the registry does not take it.
    pub fn put_manifest(&self, repository: &str, reference: &str, media_type: &str, content: &[u8]) {
        self.ask("PUT", &format!("/v2/{repository}/manifests/{reference}"), media_type, content);
    }

    /// Puts a blob into a repository.
    ///
    /// # Panics
    ///
    /// When the registry does not take it.
    pub fn put_blob(&self, repository: &str, content: &[u8]) {
        self.blob(repository, content);
    }

    /// Whether nothing was ever written to it.
    pub fn is_empty(&self) -> bool {
        !self.folder.path().join("store/docker").exists()
    }

    /// All blobs that it keeps, and their sizes in bytes.
    pub fn blobs(&self) -> BTreeMap<Digest, u64> {
        let blobs = self.folder.path().join("store/docker/registry/v2/blobs/sha256");
        let entries = |folder: &Path| fs_err::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let all =
            entries(&blobs).collect::<Vec<_>>().into_iter().flat_map(|it| entries(&it).collect::<Vec<_>>());
        let blob = |folder: PathBuf| {
            let digest = format!("sha256:{}", folder.file_name().unwrap().to_str().unwrap());
            (digest.parse().unwrap(), fs_err::metadata(folder.join("data")).unwrap().len())
        };
        all.map(blob).collect()
    }

    fn push_with(
        &self,
        repository: &str,
        tag: &str,
        (config_type, config): (&str, &str),
        (media_type, content): (&str, &[u8]),
    ) {
        let config = config.as_bytes();
        let descriptor = |media_type: &str, content: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(content), "size": content.len() });
        self.blob(repository, content);
        self.blob(repository, config);
        let manifest_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": descriptor(config_type, config),
            "layers": [descriptor(media_type, content)],
        });
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.ask("PUT", &path, manifest_type, manifest.to_string().as_bytes());
    }

    fn blob(&self, repository: &str, content: &[u8]) {
        let answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), "text/plain", b"");
        let location = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
        });
        let location = location.unwrap();
        let path = location.strip_prefix(&format!("http://{}", self.address)).unwrap_or(&location);
        let path = format!("{path}&digest={}", Digest::of(content));
        self.ask("PUT", &path, "application/octet-stream", content);
    }

    /// Sends a request, which must succeed, and gives the head of the answer.
    fn ask(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let authorization =
            self.authorization.iter().map(|it| format!("authorization: {it}\r\n")).collect::<String>();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{authorization}content-type: {media_type}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            self.address,
            body.len()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split_whitespace().nth(1).unwrap_or_default();
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        answer
    }

    /// Puts files of a channel's folder below `path`, as the mirrors of conda-forge do, with an index of one form.
    ///
    /// # Panics
    ///
    /// When the registry does not take them.
    pub fn push_channel(&self, folder: &Path, path: &str, files: &[&str]) {
        for file in files {
            let content = fs_err::read(folder.join(file)).unwrap();
            let (subdir, name) = file.split_once('/').unwrap();
            let (repository, tag, media_type) = match name {
                "repodata.json.zst" => {
                    ("repodata.json".to_owned(), "latest".to_owned(), "repodata.v1+json+zst")
                }
                "repodata.json" => ("repodata.json".to_owned(), "latest".to_owned(), "repodata.v1+json"),
                _ => {
                    let (stem, kind) = match name.strip_suffix(".conda") {
                        Some(stem) => (stem, "package.v2"),
                        None => (name.strip_suffix(".tar.bz2").unwrap(), "package.v1"),
                    };
                    let mut parts = stem.rsplitn(3, '-');
                    let (build, version) = (parts.next().unwrap(), parts.next().unwrap());
                    let name = parts.next().unwrap();
                    let name = if name.starts_with('_') { format!("zzz{name}") } else { name.to_owned() };
                    (name, format!("{version}-{build}"), kind)
                }
            };
            let media_type = format!("application/vnd.conda.{media_type}");
            self.push(&format!("{path}/{subdir}/{repository}"), &tag, &media_type, &content);
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
