//! Certificates, made by openssl, and what a server does with them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

use crate::{capture, scratch};

/// An authority that nobody knows, the certificate of a server that it has signed, and one of a client.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

/// What all certificates are asked for with.
const REQUEST: [&str; 9] =
    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

impl Certificates {
    /// Those of this machine, and of these hosts.
    ///
    /// # Panics
    ///
    /// When openssl cannot make them.
    pub fn new(hosts: &[&str]) -> Self {
        let new = Self { folder: scratch("certificates") };
        let mut names = "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,DNS:localhost".to_owned();
        names.extend(hosts.iter().map(|host| format!(",DNS:{host}")));
        new.make("authority", "test authority", &[]);
        let (authority, key) = (new.path("authority"), new.path("authority.key"));
        let signed =
            ["-CA", text(&authority), "-CAkey", text(&key), "-addext", "basicConstraints=critical,CA:FALSE"];
        new.make("server", "test", &[&signed[..], &["-addext", &names]].concat());
        new.make("client", "client", &signed);
        let pem =
            [new.path("client"), new.path("client.key")].map(|path| fs_err::read_to_string(path).unwrap());
        fs_err::write(new.path("identity"), pem.concat()).unwrap();
        new
    }

    fn make(&self, name: &str, subject: &str, more: &[&str]) {
        let (file, key) = (self.path(name), self.path(&format!("{name}.key")));
        let mut openssl = Command::new("openssl");
        openssl.args(REQUEST).args(["-subj", &format!("/CN={subject}")]).args(more);
        capture(openssl.arg("-keyout").arg(&key).arg("-out").arg(&file)).success();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.path("authority")
    }

    /// The client's certificate, with its key.
    pub fn identity(&self) -> PathBuf {
        self.path("identity")
    }

    /// The server's certificate, and its key.
    pub(crate) fn server_files(&self) -> [PathBuf; 2] {
        [self.path("server"), self.path("server.key")]
    }

    /// What the server does. Where clients have to show themselves, only those that the authority has signed come in.
    pub(crate) fn server(&self, asks_clients: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if asks_clients {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(self.authority()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let files = self.server_files();
        let certificate = CertificateDer::from_pem_file(&files[0]).unwrap();
        let key = PrivateKeyDer::from_pem_file(&files[1]).unwrap();
        Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
