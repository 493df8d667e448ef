//! How the servers of channels are reached.

use std::path::PathBuf;

use imgbuild_document::DocumentError;
use imgbuild_environment::{Condarc, Setting, SslVerify};
use imgbuild_net::{Identity, NetError, Transport, Trust};
use url::Url;

use super::condarc::{CondarcError, Variables, at_home, expanded, scalar, table};

/// How servers are reached, and the file that says that their certificates are not checked.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerAccess {
    pub(super) transport: Transport,
    pub(super) unchecked: Option<String>,
}

impl ServerAccess {
    pub(super) fn of(all: &[Condarc], variables: &Variables) -> Result<Self, CondarcError> {
        let mut reaching = Self::default();
        for (of, settings) in table(all.iter().map(|it| it.proxy_servers.as_ref())) {
            let Some(setting) = scalar(settings.into_iter().map(Some)) else { continue };
            let Some(text) = &setting.value else { continue };
            let proxy = proxy_url(setting, &expanded(text, variables))?;
            reaching.transport.proxies.push((of.trim_end_matches('/').to_owned(), proxy));
        }
        reaching.transport.identity = identity(all, variables)?;
        // As for requests, whose variables go before what conda's files say.
        if let Some((variable, path)) = imgbuild_net::bundle(|name| variables.get(name).cloned()) {
            let trust = Trust::read(&path);
            reaching.transport.trust =
                trust.map_err(|error| NetError::Certificates { variable, path, error })?;
            return Ok(reaching);
        }
        let verify = scalar(all.iter().map(|it| it.ssl_verify.as_ref()));
        reaching.transport.trust = match verify.map(|setting| (setting, &setting.value)) {
            None | Some((_, SslVerify::Known(true))) => Trust::System,
            Some((setting, SslVerify::Known(false))) => {
                reaching.unchecked = Some(setting.origin.to_string());
                Trust::Anybody
            }
            Some((setting, SslVerify::File(path))) => {
                let path = at_home(&expanded(path, variables), variables);
                Trust::read(&path).map_err(|error| {
                    setting.wrong(format!("the certificates in `{}` cannot be read: {error}", path.display()))
                })?
            }
        };
        Ok(reaching)
    }
}

/// What this machine shows of itself.
fn identity(all: &[Condarc], variables: &Variables) -> Result<Option<Identity>, DocumentError> {
    let path = |setting: &Setting<String>| at_home(&expanded(&setting.value, variables), variables);
    let key = scalar(all.iter().map(|it| it.client_ssl_cert_key.as_ref()));
    let Some(certificate) = scalar(all.iter().map(|it| it.client_ssl_cert.as_ref())) else {
        let alone = "a key without a certificate: `client_ssl_cert` names that";
        return key.map_or(Ok(None), |key| Err(key.wrong(alone)));
    };
    let (file, key): (PathBuf, _) = (path(certificate), key.map(path));
    let identity = Identity::read(&file, key.as_deref()).map_err(|error| {
        let beside = key.map(|key| format!(" with the key in `{}`", key.display())).unwrap_or_default();
        certificate.wrong(format!("the certificate in `{}`{beside} cannot be used: {error}", file.display()))
    })?;
    Ok(Some(identity))
}

fn proxy_url(setting: &Setting<Option<String>>, text: &str) -> Result<Url, DocumentError> {
    // Who leaves the scheme out means `http`.
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&text)
        .map_err(|error| setting.wrong(format!("this is not the URL of a proxy: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => {
            Err(setting
                .wrong(format!("proxies are spoken to by `http://` or `https://`, not by `{scheme}://`")))
        }
    }
}
