//! How buckets are reached: as everything else, by the client that knows `--offline`, proxies and certificates.

use std::net::Ipv6Addr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use http_body::{Body, Frame, SizeHint};
use imgbuild_net::{Client, NetError};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::{Request, Response};
use url::{Host, Position};

use super::costs::{METADATA_PATIENCE, PATIENCE, SENT_PACE};
use crate::limits::{ERROR_LIMIT, LEAST_PACE};

/// Makes connections of the client.
#[derive(Debug)]
pub(super) struct Connector(pub(super) Client);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let service = Connection { client: self.0.clone(), plain: plain.is_some_and(|it| it == "true") };
        Ok(HttpClient::new(service))
    }
}

#[derive(Debug)]
struct Connection {
    client: Client,
    /// Whether servers that are not on the loopback may be spoken to without TLS.
    plain: bool,
}

/// Why a request is not sent, or not waited for any longer.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(
        "`{0}` would be spoken to without TLS, which `AWS_ALLOW_HTTP`, `AZURE_ALLOW_HTTP` or `GOOGLE_ALLOW_HTTP` allows"
    )]
    Plain(String),
    #[error("`{0}` is too slow")]
    Slow(String),
    #[error("{0}")]
    Net(String),
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url: url::Url = parts.uri.to_string().parse().map_err(unknown)?;
        let host = url.host().map(|host| host.to_owned());
        let server = &url[Position::BeforeHost..Position::AfterPort];
        let name = format!("{}://{server}", url.scheme());
        if url.scheme() == "http" && !self.plain && !host.as_ref().is_some_and(is_loopback) {
            return Err(unknown(Trouble::Plain(name)));
        }
        let (moved, length) = (Arc::new(AtomicBool::new(false)), body.content_length() as u64);
        let mut request = Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(match body.as_bytes() {
            Some(bytes) => bytes.clone().into(),
            None => reqwest::Body::wrap(Outgoing { body, moved: Arc::clone(&moved) }),
        });
        let patience = match host.as_ref().is_some_and(is_metadata) {
            true => METADATA_PATIENCE,
            false => PATIENCE + Duration::from_secs(length / SENT_PACE),
        };
        let mut sent = std::pin::pin!(self.client.exchange(request));
        let answer = loop {
            match tokio::time::timeout(patience, &mut sent).await {
                Ok(answer) => break answer.map_err(failed)?,
                // The body is still on its way.
                Err(_) if moved.swap(false, Ordering::Relaxed) => {}
                Err(_) => return Err(unknown(Trouble::Slow(name))),
            }
        };
        Ok(received(answer, name, self.client.clone()).await)
    }
}

/// Who answers on this machine needs no TLS, as registries do not.
fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// `fd00:ec2::254`.
const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Where machines of a cloud are told who they are. Elsewhere nobody answers there.
fn is_metadata(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "metadata" || name == "metadata.google.internal",
        Host::Ipv4(address) => address.is_link_local(),
        Host::Ipv6(address) => *address == AWS_METADATA,
    }
}

fn unknown(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

/// A failure with its causes, as one line. What has taken long already is not tried again.
fn failed(error: NetError) -> HttpError {
    let is_slow = matches!(error, NetError::Slow { .. });
    let kind = if error.is_transient() && !is_slow { HttpErrorKind::Request } else { HttpErrorKind::Unknown };
    HttpError::new(kind, Trouble::Net(one_line(&error)))
}

/// An error and its causes, without what to do about it, which stands behind them.
fn one_line(error: &NetError) -> String {
    let told = imgbuild_diagnostic::told(error);
    let lines = told.lines().count().saturating_sub(imgbuild_diagnostic::hints(error).len());
    told.lines().take(lines).collect::<Vec<_>>().join(": ")
}

/// An answer. Of a refusal its words are kept, and not the page around them.
async fn received(answer: Response, name: String, client: Client) -> HttpResponse {
    let mut parts = http::Response::new(()).into_parts().0;
    (parts.status, parts.headers) = (answer.status(), answer.headers().clone());
    let is_refusal = parts.status.is_client_error() || parts.status.is_server_error();
    let stream = Incoming::new(answer, name, client);
    if !is_refusal {
        return HttpResponse::from_parts(parts, HttpResponseBody::new(stream));
    }
    let page = stream.beginning().await;
    parts.headers.remove(http::header::CONTENT_LENGTH);
    HttpResponse::from_parts(parts, words(&String::from_utf8_lossy(&page)).into())
}

/// The code and the message of a refusal, which S3 and Azure write as XML and Google as JSON.
fn words(page: &str) -> String {
    let between = |begin: &str, end: &str| Some(page.split_once(begin)?.1.split_once(end)?.0.to_owned());
    let json = || {
        Some(serde_json::from_str::<serde_json::Value>(page).ok()?["error"]["message"].as_str()?.to_owned())
    };
    let found = match (between("<Code>", "</Code>"), between("<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(word), None) | (None, Some(word)) => word,
        (None, None) => json().unwrap_or_default(),
    };
    // Azure's message goes on with numbers of the request.
    found.lines().next().unwrap_or_default().trim().chars().filter(|it| !it.is_control()).take(200).collect()
}

/// A body that is sent, and says that it moves.
struct Outgoing {
    body: HttpRequestBody,
    moved: Arc<AtomicBool>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.moved.store(true, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that comes, at the least pace.
///
/// Nobody shares it; the lock only says so.
struct Incoming(Mutex<BoxStream<'static, Result<Bytes, HttpError>>>);

impl Incoming {
    fn new(answer: Response, name: String, client: Client) -> Self {
        let begin = (answer, name, client.pace(), client, Instant::now(), 0);
        let stream = futures::stream::try_unfold(
            begin,
            |(mut answer, name, mut pace, client, mut since, mut bytes)| async move {
                let slow = |name: &str| unknown(Trouble::Slow(name.to_owned()));
                let next = tokio::time::timeout(PATIENCE, client.next_bytes(&mut answer, &mut pace)).await;
                let Some(next) = next.map_err(|_| slow(&name))?.map_err(failed)? else { return Ok(None) };
                bytes += next.len() as u64;
                let passed: Duration = since.elapsed();
                if passed >= PATIENCE {
                    if bytes < passed.as_secs() * LEAST_PACE {
                        return Err(slow(&name));
                    }
                    (since, bytes) = (Instant::now(), 0);
                }
                Ok(Some((next, (answer, name, pace, client, since, bytes))))
            },
        );
        Self(Mutex::new(Box::pin(stream)))
    }

    /// Its beginning, as much as a refusal needs; what cannot be read says nothing.
    async fn beginning(self) -> Vec<u8> {
        let mut stream = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut page = Vec::new();
        while let Some(Ok(bytes)) = stream.next().await {
            page.extend_from_slice(&bytes);
            if page.len() >= ERROR_LIMIT {
                break;
            }
        }
        page
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.poll_next_unpin(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        for (page, expected) in [
            (
                "<?xml?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                "AccessDenied: Access Denied",
            ),
            (
                "<Error><Code>AuthenticationFailed</Code><Message>No.\nRequestId:1</Message></Error>",
                "AuthenticationFailed: No.",
            ),
            ("{\"error\": {\"code\": 401, \"message\": \"Invalid\"}}", "Invalid"),
            ("<html>a page of a proxy</html>", ""),
        ] {
            assert_eq!(words(page), expected);
        }
    }
}
