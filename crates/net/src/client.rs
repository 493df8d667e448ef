//! The client.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use imgbuild_secret::{KnownSecrets, SecretUrl};
use reqwest::header::{ACCEPT, CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Method, Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};

use crate::answer::retry_after;
use crate::limits::{ANSWER_PATIENCE, PATIENCE};
use crate::pace::Pace;
use crate::retry::Retry;
use crate::staying::{policy, staying, stays};
use crate::{Locations, NetError, Schedule, Transport, file};

/// How the client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Refuse everything that needs the network.
    pub offline: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for the next bytes.
    pub read_timeout: Duration,
    /// How long the head of an answer may take, and over what time a server is held to a least speed.
    pub patience: Duration,
    /// How long the answer to a body may take that has gone to the server whole.
    pub answer_patience: Duration,
    /// When to try again.
    pub schedule: Schedule,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            offline: false,
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(60),
            patience: Duration::from_secs(PATIENCE),
            answer_patience: Duration::from_secs(ANSWER_PATIENCE),
            schedule: Schedule::default(),
        }
    }
}

/// What a client is for.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Getting things.
    Fetching,
    /// Exchanges whose next step the answer decides.
    Conversing,
}

/// The client. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    /// The same with the layers that every request of ours goes through: credentials.
    pub(crate) layered: ClientWithMiddleware,
    pub(crate) options: Options,
    /// The secrets of URLs that are asked for without them.
    pub(crate) known: Arc<KnownSecrets>,
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// When no certificates can be had, or a proxy's URL is wrong.
    pub fn new(options: Options) -> Result<Self, NetError> {
        Self::build(options, &Transport::default(), Manner::Fetching)
    }

    /// A client like this one, without its layers, that reaches servers in another way.
    ///
    /// # Errors
    ///
    /// When the certificates cannot be read.
    pub fn with_transport(&self, transport: &Transport) -> Result<Self, NetError> {
        let client = Self::build(self.options.clone(), transport, Manner::Fetching)?;
        Ok(Self { known: Arc::clone(&self.known), ..client })
    }

    /// A client like this one, without its layers, for [`Client::exchange`] with servers that are written to: an answer that
    /// leads elsewhere is given as it is, and an answer may come as late as sending the body takes.
    ///
    /// # Errors
    ///
    /// When the certificates cannot be read.
    pub fn conversing(&self, transport: &Transport) -> Result<Self, NetError> {
        let client = Self::build(self.options.clone(), transport, Manner::Conversing)?;
        Ok(Self { known: Arc::clone(&self.known), ..client })
    }

    /// The same client, which knows the secrets that another one knows.
    #[must_use]
    pub fn knowing_what(&self, other: &Self) -> Self {
        Self { known: Arc::clone(&other.known), ..self.clone() }
    }

    fn build(options: Options, transport: &Transport, manner: Manner) -> Result<Self, NetError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("imgbuild/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            // A URL may hold a token, which is nobody's business to whom it leads.
            .referer(false);
        let builder = match manner {
            Manner::Fetching => builder.redirect(policy()).read_timeout(options.read_timeout),
            // The library counts the time of sending a body as time of waiting for its answer.
            Manner::Conversing => builder.redirect(Policy::none()),
        };
        // Who never connects needs no certificates: a machine without any can build offline.
        let builder = if options.offline { builder.tls_certs_only([]) } else { transport.apply(builder)? };
        let http = builder.build().map_err(NetError::Client)?;
        let layered = ClientBuilder::new(http.clone()).build();
        Ok(Self { layered, http, options, known: Arc::default() })
    }

    /// The same client, whose requests go through these layers: what adds credentials.
    #[must_use]
    pub fn with_layers(&self, layers: impl IntoIterator<Item = Arc<dyn Middleware>>) -> Self {
        let builder = layers.into_iter().fold(ClientBuilder::new(self.http.clone()), ClientBuilder::with_arc);
        Self { layered: builder.build(), ..self.clone() }
    }

    /// The same client, which knows these secrets as well.
    #[must_use]
    pub fn knowing(&self, known: &KnownSecrets) -> Self {
        let mut all = KnownSecrets::clone(&self.known);
        all.extend(known);
        Self { known: Arc::new(all), ..self.clone() }
    }

    /// A URL with the secrets that are known for it.
    pub fn whole(&self, url: &SecretUrl) -> SecretUrl {
        self.known.whole(url.whole())
    }

    /// How long the next bytes of an answer may take.
    pub fn read_timeout(&self) -> Duration {
        self.options.read_timeout
    }

    /// How long the answer to a body may take that has gone to the server whole.
    pub fn answer_patience(&self) -> Duration {
        self.options.answer_patience
    }

    /// When it tries again.
    pub fn schedule(&self) -> Schedule {
        self.options.schedule
    }

    /// Whether everything that needs the network is refused.
    pub fn is_offline(&self) -> bool {
        self.options.offline
    }

    /// Reads content of at most `limit` bytes into memory.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is larger.
    pub async fn get_bytes(&self, from: impl Into<Locations>, limit: u64) -> Result<Bytes, NetError> {
        self.get_bytes_in(from.into(), None, limit).await
    }

    /// The same from that server and no other: an answer that leads to another one is an error. `accept` names the forms that
    /// are wanted, where a server has it in several (RFC 9110, 12.5.1).
    ///
    /// # Errors
    ///
    /// As for [`Client::get_bytes`], and when another server is to have it.
    pub async fn get_bytes_there(
        &self,
        url: SecretUrl,
        accept: Option<&'static str>,
        limit: u64,
    ) -> Result<Bytes, NetError> {
        staying(self.get_bytes_in(url.into(), accept, limit)).await
    }

    async fn get_bytes_in(
        &self,
        from: Locations,
        accept: Option<&'static str>,
        limit: u64,
    ) -> Result<Bytes, NetError> {
        let mut retry = Retry::new(self.options.schedule);
        loop {
            let mut failure = None;
            for url in from.iter() {
                match self.try_get_bytes(url, accept, limit).await {
                    Err(error) if error.tries_next_mirror() => note(&mut failure, error),
                    result => return result,
                }
            }
            retry.wait(failure.unwrap_or_else(|| not_found(from.first()))).await?;
        }
    }

    async fn try_get_bytes(
        &self,
        url: &SecretUrl,
        accept: Option<&'static str>,
        limit: u64,
    ) -> Result<Bytes, NetError> {
        if url.whole().scheme() == "file" {
            return file::read(url, 0, limit, true).await;
        }
        let mut response = self.send_accepting(url, accept, None).await?;
        let too_large = || NetError::TooLarge { url: url.to_string(), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut bytes = BytesMut::new();
        let mut pace = self.pace();
        while let Some(chunk) = chunk(url, &mut response, &mut pace).await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > limit {
                return Err(too_large());
            }
        }
        Ok(bytes.freeze())
    }

    /// Reads a part of some content into memory: the bytes from `range.start` to before `range.end`, fewer where the
    /// content ends before.
    ///
    /// # Errors
    ///
    /// When it cannot be had.
    pub async fn get_range(&self, from: impl Into<Locations>, range: Range<u64>) -> Result<Bytes, NetError> {
        let from = from.into();
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let mut retry = Retry::new(self.options.schedule);
        loop {
            let mut failure = None;
            for url in from.iter() {
                match self.try_get_range(url, &range).await {
                    Err(error) if error.tries_next_mirror() => note(&mut failure, error),
                    result => return result,
                }
            }
            retry.wait(failure.unwrap_or_else(|| not_found(from.first()))).await?;
        }
    }

    async fn try_get_range(&self, url: &SecretUrl, range: &Range<u64>) -> Result<Bytes, NetError> {
        let wanted = range.end - range.start;
        if url.whole().scheme() == "file" {
            return file::read(url, range.start, wanted, false).await;
        }
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let mut response = match self.send(url, Some(header)).await {
            // The content ends before the range begins.
            Err(NetError::Status { status: StatusCode::RANGE_NOT_SATISFIABLE, .. }) => {
                return Ok(Bytes::new());
            }
            result => result?,
        };
        // A server that knows no ranges sends everything.
        let mut skip = skipped(url, &response, range.start)?;
        let mut bytes = BytesMut::new();
        let mut pace = self.pace();
        while (bytes.len() as u64) < wanted {
            let Some(mut chunk) = chunk(url, &mut response, &mut pace).await? else { break };
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            let rest = chunk.split_off(skipped as usize);
            let room = (wanted - bytes.len() as u64).min(rest.len() as u64);
            bytes.extend_from_slice(&rest[..room as usize]);
        }
        Ok(bytes.freeze())
    }

    /// Sends one request, and turns every answer but success into an error.
    pub(crate) async fn send(&self, url: &SecretUrl, range: Option<String>) -> Result<Response, NetError> {
        self.send_accepting(url, None, range).await
    }

    async fn send_accepting(
        &self,
        url: &SecretUrl,
        accept: Option<&'static str>,
        range: Option<String>,
    ) -> Result<Response, NetError> {
        let mut request = Request::new(Method::GET, url.whole().clone());
        if let Some(accept) = accept {
            request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some(range) = range {
            let range =
                HeaderValue::from_str(&range).map_err(|_| NetError::Range { url: url.to_string() })?;
            request.headers_mut().insert(RANGE, range);
        }
        let response = self.execute(request).await?;
        let shown = || url.to_string();
        match response.status() {
            status if status.is_success() => Ok(response),
            status if status.is_redirection() && stays() => Err(NetError::LeadsAway { url: shown() }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(NetError::NotFound { url: shown() }),
            status @ (StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                Err(NetError::Unauthorized { url: shown(), status })
            }
            status => {
                let retry_after = retry_after(response.headers());
                Err(NetError::Status { url: shown(), status, retry_after })
            }
        }
    }

    /// How long the head of an answer may take. A connection that cannot be made is told by its own time.
    pub(crate) fn patience(&self) -> Duration {
        self.options.patience.saturating_add(self.options.connect_timeout)
    }

    /// The pace of an answer whose head has just come.
    pub fn pace(&self) -> Pace {
        Pace::new(self.options.patience)
    }

    /// Refuses everything while offline, and what is not HTTP. `oci` is for the layers to become HTTP.
    pub(crate) fn guard(&self, url: &SecretUrl) -> Result<(), NetError> {
        let shown = || url.to_string();
        match url.whole().scheme() {
            "http" | "https" | "oci" if self.options.offline => Err(NetError::Offline { url: shown() }),
            "http" | "https" | "oci" => Ok(()),
            _ => Err(NetError::Scheme { url: shown() }),
        }
    }
}

/// The next bytes of an answer.
pub(crate) async fn chunk(
    url: &SecretUrl,
    response: &mut Response,
    pace: &mut Pace,
) -> Result<Option<Bytes>, NetError> {
    let chunk = response.chunk().await.map_err(|error| NetError::transport(url, error))?;
    let came = chunk.as_ref().map_or(Ok(()), |chunk| pace.came(chunk.len()));
    came.map_err(|_| NetError::Slow { url: url.to_string() })?;
    Ok(chunk)
}

/// How many bytes of the answer to a request for those from `start` on come before them: all of them from a server that knows no
/// ranges.
///
/// # Errors
///
/// When it is another part than was asked for.
pub fn skipped(url: &SecretUrl, response: &Response, start: u64) -> Result<u64, NetError> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok(start);
    }
    // `bytes 200-1000/67589` (RFC 9110, 14.4).
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let first = header.and_then(|text| text.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok());
    if first == Some(start) { Ok(0) } else { Err(NetError::Range { url: url.to_string() }) }
}

/// Keeps the failure that says most: the first, but that content is missing only counts where no mirror had another
/// trouble.
pub(crate) fn note(failure: &mut Option<NetError>, error: NetError) {
    tracing::debug!("{error}");
    let missing = |error: &NetError| matches!(error, NetError::NotFound { .. });
    if failure.as_ref().is_none_or(|before| missing(before) && !missing(&error)) {
        *failure = Some(error);
    }
}

pub(crate) fn not_found(url: &SecretUrl) -> NetError {
    NetError::NotFound { url: url.to_string() }
}
