//! The server itself: who listens, and what becomes of each request.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use imgbuild_oci::Digest;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::access::{Access, Decision, Tokens};
use super::content::{Content, Document};
use super::conversation::Names;
use super::documents::{Documents, part};
use super::http::{Answer, Connection, Head, Received};
use super::profile::Profile;
use super::route::{Kind, Route};
use super::tls::Certificates;
use super::uploads::Uploads;

/// A registry in this process, until it is dropped: right by the distribution specification, or as wrong as it is told to be.
pub struct Distribution {
    shared: Arc<Shared>,
    listeners: Vec<Listener>,
}

/// What a registry is to be.
pub struct Setup {
    profile: Profile,
    access: Access,
    tls: Option<(Arc<Certificates>, bool)>,
    host: &'static str,
    hook: Hook,
}

type Hook = Box<dyn Fn(&Request) -> Behaviour + Send + Sync>;

/// One request, as a hook sees it.
#[derive(Debug, Clone)]
pub struct Request {
    /// What it is about.
    pub kind: Kind,
    /// The repository, or nothing.
    pub name: String,
    /// `GET`, `PATCH`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, by their names in lower case.
    pub headers: std::collections::BTreeMap<String, String>,
    /// How many requests of its kind were before it.
    pub before: usize,
}

/// What was asked for and what came of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// How many bytes of its body came.
    pub received: usize,
    /// The status of the answer; nothing where there was none.
    pub status: Option<u16>,
    /// The upload that began with it.
    pub upload: Option<String>,
}

/// What becomes of a request.
pub enum Behaviour {
    /// It is done as it should be.
    Right,
    /// It is not done; this is answered.
    Answer(Answer),
    /// It is not done; this is answered before the body has come, and the connection ends.
    AnswerAtOnce(Answer),
    /// It is done, and the answer is changed.
    Change(Box<dyn FnOnce(Answer) -> Answer>),
    /// The connection ends before the body has come.
    Close,
    /// The connection ends after so many bytes of the body, which have come.
    CloseAfter(usize),
    /// It is done, and the connection ends without an answer.
    CloseWhenDone,
    /// It is done; the connection ends after so many bytes of the answer's body.
    CutAnswer(usize),
    /// It is done; after so many bytes of the answer's body nothing more comes until the client goes.
    SilentAfter(usize),
    /// It is done; the answer never ends.
    Endless,
    /// Nothing is answered until the client goes.
    Silence,
    /// It is done; each byte of the answer's body comes so long after the one before.
    Trickle(Duration),
    /// All tokens are over before it is looked at.
    TokensDie,
}

impl Behaviour {
    /// It is done, and the answer is changed.
    pub fn change(change: impl FnOnce(Answer) -> Answer + 'static) -> Self {
        Self::Change(Box::new(change))
    }
}

struct Shared {
    profile: Profile,
    access: Access,
    hook: Hook,
    tls: Option<Arc<ServerConfig>>,
    content: Mutex<Content>,
    tokens: Tokens,
    exchanges: Mutex<Vec<Exchange>>,
    addresses: [SocketAddr; 3],
    stop: AtomicBool,
}

/// Who listens, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Registry,
    Tokens,
    Elsewhere,
}

const ROLES: [Role; 3] = [Role::Registry, Role::Tokens, Role::Elsewhere];

struct Listener {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            profile: Profile::specification(),
            access: Access::Everybody,
            tls: None,
            host: "127.0.0.1",
            hook: Box::new(|_| Behaviour::Right),
        }
    }
}

impl Setup {
    /// Whose behaviour it has.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Who is let in.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// By TLS. All its servers are.
    #[must_use]
    pub fn tls(mut self, certificates: Arc<Certificates>) -> Self {
        self.tls = Some((certificates, false));
        self
    }

    /// By TLS, for clients that show a certificate.
    #[must_use]
    pub fn tls_of_both(mut self, certificates: Arc<Certificates>) -> Self {
        self.tls = Some((certificates, true));
        self
    }

    /// At another address of the loopback.
    #[must_use]
    pub fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// Asks for each request what becomes of it.
    #[must_use]
    pub fn hook(mut self, hook: impl Fn(&Request) -> Behaviour + Send + Sync + 'static) -> Self {
        self.hook = Box::new(hook);
        self
    }

    /// Begins.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn start(self) -> Distribution {
        let listeners = ROLES.map(|_| TcpListener::bind((self.host, 0)).unwrap());
        let shared = Arc::new(Shared {
            profile: self.profile,
            access: self.access,
            hook: self.hook,
            tls: self.tls.map(|(certificates, asks_clients)| certificates.server(asks_clients)),
            content: Mutex::default(),
            tokens: Tokens::default(),
            exchanges: Mutex::default(),
            addresses: listeners.each_ref().map(|listener| listener.local_addr().unwrap()),
            stop: AtomicBool::new(false),
        });
        let listeners = ROLES.into_iter().zip(listeners);
        let listeners = listeners.map(|(role, listener)| Listener::start(role, listener, &shared)).collect();
        Distribution { shared, listeners }
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self::new()
    }
}

/// In the middle of a test: nothing of what is asked here is a request.
impl Distribution {
    /// By the specification.
    pub fn new() -> Self {
        Setup::default().start()
    }

    /// By the specification, asking for each request what becomes of it.
    pub fn with(hook: impl Fn(&Request) -> Behaviour + Send + Sync + 'static) -> Self {
        Setup::default().hook(hook).start()
    }

    /// Another one.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// Its host and port.
    pub fn address(&self) -> String {
        self.shared.addresses[0].to_string()
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> String {
        self.shared.url(Role::Registry)
    }

    /// The URL of the server that gives tokens.
    pub fn realm(&self) -> String {
        self.shared.realm()
    }

    /// What was asked for until now, in the order in which it began.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().unwrap().clone()
    }

    /// Forgets what was asked for until now.
    pub fn forget(&self) {
        self.shared.exchanges.lock().unwrap().clear();
    }

    /// How many requests there were of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.exchanges().iter().filter(|exchange| exchange.request.kind == kind).count()
    }

    /// What was asked for until now, a line each, with names for digests and uploads.
    pub fn conversation(&self) -> String {
        Names::of(&self.shared.content.lock().unwrap()).conversation(&self.exchanges())
    }

    /// A text with names for the digests of what is there.
    pub fn named(&self, text: &str) -> String {
        Names::of(&self.shared.content.lock().unwrap()).named(text)
    }

    /// Makes a repository, or changes nothing.
    pub fn make_repository(&self, name: &str) {
        self.shared.content.lock().unwrap().repositories.entry(name.to_owned()).or_default();
    }

    /// Puts a blob there.
    pub fn put_blob(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        self.shared.content.lock().unwrap().put_blob(name, bytes.into())
    }

    /// Puts a manifest there, whatever it says, under a tag or none.
    pub fn put_manifest(&self, name: &str, tag: Option<&str>, document: Document) -> Digest {
        let digest = Digest::of(&document.bytes);
        let mut content = self.shared.content.lock().unwrap();
        let repository = content.repositories.entry(name.to_owned()).or_default();
        repository.manifests.insert(digest, document);
        repository.tags.extend(tag.map(|tag| (tag.to_owned(), digest)));
        digest
    }

    /// The manifest of a tag or a digest.
    pub fn manifest(&self, name: &str, reference: &str) -> Option<(Digest, Document)> {
        let content = self.shared.content.lock().unwrap();
        content.manifest(name, reference).map(|(digest, document)| (digest, document.clone()))
    }

    /// A blob of a repository.
    pub fn blob(&self, name: &str, digest: &Digest) -> Option<Vec<u8>> {
        self.shared.content.lock().unwrap().blob(name, digest).cloned()
    }

    /// Takes a blob out of a repository.
    pub fn remove_blob(&self, name: &str, digest: &Digest) {
        let mut content = self.shared.content.lock().unwrap();
        content.repositories.entry(name.to_owned()).or_default().blobs.remove(digest);
    }

    /// The digests of a repository's blobs.
    pub fn blobs(&self, name: &str) -> Vec<Digest> {
        let content = self.shared.content.lock().unwrap();
        content.repositories.get(name).into_iter().flat_map(|it| it.blobs.iter().copied()).collect()
    }

    /// The tags of a repository, sorted.
    pub fn tags(&self, name: &str) -> Vec<String> {
        let content = self.shared.content.lock().unwrap();
        content.repositories.get(name).into_iter().flat_map(|it| it.tags.keys().cloned()).collect()
    }

    /// How many uploads are not at their end.
    pub fn open_uploads(&self) -> usize {
        self.shared.content.lock().unwrap().uploads.len()
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for listener in &mut self.listeners {
            // Wakes it up, so that it sees that it should stop.
            drop(TcpStream::connect(listener.address));
            if let Some(thread) = listener.thread.take() {
                drop(thread.join());
            }
        }
    }
}

impl Listener {
    fn start(role: Role, listener: TcpListener, shared: &Arc<Shared>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&shared);
                // A client may go whenever it wants.
                std::thread::spawn(move || stream.and_then(|stream| shared.serve(role, stream)));
            }
        });
        Self { address, thread: Some(thread) }
    }
}

impl Shared {
    fn url(&self, role: Role) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addresses[role as usize])
    }

    /// The registry as a client has called it.
    fn named_by(&self, head: &Head) -> String {
        let url = self.url(Role::Registry);
        match (url.split_once("://"), head.headers.get("host")) {
            (Some((scheme, _)), Some(host)) => format!("{scheme}://{host}"),
            _ => url,
        }
    }

    fn realm(&self) -> String {
        format!("{}/token", self.url(Role::Tokens))
    }

    fn serve(&self, role: Role, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut connection = match &self.tls {
            None => Connection::plain(stream),
            Some(config) => {
                let server = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
                Connection::tls(StreamOwned::new(server, stream))
            }
        };
        while let Some(head) = connection.head()? {
            let (number, request) = self.note(role, &head);
            let exchange = Turn { shared: self, role, number, head: &head };
            let behaviour = self.in_front(&request, &head).unwrap_or_else(|| (self.hook)(&request));
            match exchange.act(behaviour, &mut connection)? {
                Then::Next => {}
                Then::Close => return Ok(()),
                Then::Linger => return connection.linger(),
            }
        }
        Ok(())
    }

    /// What a proxy in front of the registry does with a request.
    fn in_front(&self, request: &Request, head: &Head) -> Option<Behaviour> {
        let limit = self.profile.request_limit.filter(|_| request.kind != Kind::Elsewhere)?;
        let length: u64 = head.headers.get("content-length")?.parse().ok()?;
        (length > limit).then(|| Behaviour::AnswerAtOnce(Answer::page(413, "413 Payload Too Large")))
    }

    /// Writes a request down.
    fn note(&self, role: Role, head: &Head) -> (usize, Request) {
        let route = match role {
            Role::Registry => Route::of(head),
            Role::Tokens => Route { kind: Kind::Token, name: String::new(), reference: String::new() },
            Role::Elsewhere => Route { kind: Kind::Elsewhere, name: String::new(), reference: String::new() },
        };
        let mut exchanges = self.exchanges.lock().unwrap();
        let before = exchanges.iter().filter(|it| it.request.kind == route.kind).count();
        let request = Request {
            kind: route.kind,
            name: route.name,
            method: head.method.clone(),
            path: head.path.clone(),
            query: head.query.clone(),
            headers: head.headers.clone(),
            before,
        };
        exchanges.push(Exchange { request: request.clone(), received: 0, status: None, upload: None });
        (exchanges.len() - 1, request)
    }

    /// Does what is asked for.
    fn done(&self, role: Role, head: &Head, body: Received) -> Answer {
        match role {
            Role::Tokens => return self.access.token(head, &body.bytes, &self.tokens),
            Role::Elsewhere => return self.elsewhere(head),
            Role::Registry => {}
        }
        let route = Route::of(head);
        let mut head = head.clone();
        let is_there = self.content.lock().unwrap().repositories.contains_key(&route.name);
        match self.access.decide(&route, &head, &self.realm(), &self.tokens, is_there) {
            Decision::Allowed => {}
            Decision::WithoutSource => head.query.clear(),
            Decision::Refused(answer) => return answer,
        }
        let mut content = self.content.lock().unwrap();
        let elsewhere = self.url(Role::Elsewhere);
        if route.kind.writes()
            && !matches!(route.kind, Kind::PutManifest | Kind::DeleteManifest | Kind::DeleteBlob)
        {
            let url = self.named_by(&head);
            return self.uploads(&mut content, &url, &route, &head, body);
        }
        let mut documents =
            Documents { profile: &self.profile, content: &mut content, elsewhere: Some(&elsewhere) };
        match route.kind {
            Kind::Version => Answer::json(200, &serde_json::json!({})),
            Kind::HeadManifest | Kind::GetManifest => documents.manifest(&route),
            Kind::PutManifest => documents.put_manifest(&route, &head, body.bytes),
            Kind::DeleteManifest => documents.delete_manifest(&route),
            Kind::HeadBlob | Kind::GetBlob => documents.blob(&route, &head),
            Kind::DeleteBlob => documents.delete_blob(&route),
            Kind::Tags => documents.tags(&route, &head),
            Kind::Referrers => documents.referrers(&route, &head),
            _ => Answer::error(404, "NOT_FOUND", "404 page not found"),
        }
    }

    fn uploads(
        &self,
        content: &mut Content,
        url: &str,
        route: &Route,
        head: &Head,
        body: Received,
    ) -> Answer {
        let mut uploads = Uploads { profile: &self.profile, url, content };
        match route.kind {
            Kind::StartUpload => uploads.start(route, head, body),
            Kind::Mount => uploads.mount(route, head),
            Kind::Chunk => uploads.chunk(route, head, body),
            Kind::FinishUpload => uploads.finish(route, head, body),
            Kind::UploadStatus => uploads.status(route, head),
            _ => uploads.cancel(route, head),
        }
    }

    /// A content network: it gives what a signed URL names, and refuses who shows it anything else, as S3 does. Of a registry it has
    /// what is read, for everybody.
    fn elsewhere(&self, head: &Head) -> Answer {
        let route = Route::of(head);
        if self.profile.redirects_documents
            && !head.headers.contains_key("authorization")
            && matches!(route.kind, Kind::HeadManifest | Kind::GetManifest | Kind::Tags)
        {
            let mut content = self.content.lock().unwrap();
            let documents = Documents { profile: &self.profile, content: &mut content, elsewhere: None };
            return match route.kind {
                Kind::Tags => documents.tags(&route, head),
                _ => documents.manifest(&route),
            };
        }
        let signed = head.query.iter().any(|(key, _)| key == "signature");
        if !signed || head.headers.contains_key("authorization") {
            return Answer::status(400).body("<Error><Code>InvalidArgument</Code></Error>");
        }
        let digest = head.path.trim_start_matches('/').parse::<Digest>().ok();
        let content = self.content.lock().unwrap();
        match digest.and_then(|digest| content.blobs.get(&digest)) {
            Some(bytes) => part(bytes, head),
            None => Answer::status(404),
        }
    }
}

/// One request that is being answered.
struct Turn<'a> {
    shared: &'a Shared,
    role: Role,
    number: usize,
    head: &'a Head,
}

/// What becomes of the connection.
enum Then {
    Next,
    Close,
    Linger,
}

impl Turn<'_> {
    fn act(&self, behaviour: Behaviour, connection: &mut Connection) -> std::io::Result<Then> {
        match behaviour {
            Behaviour::Close => return Ok(Then::Close),
            Behaviour::CloseAfter(limit) => {
                let mut body = self.body(connection, Some(limit))?;
                body.is_whole = false;
                self.broke(body);
                return Ok(Then::Close);
            }
            Behaviour::AnswerAtOnce(answer) => {
                self.answered(&answer);
                connection.answer(self.head, &answer, true, None)?;
                return Ok(Then::Linger);
            }
            Behaviour::Silence => {
                connection.wait()?;
                return Ok(Then::Close);
            }
            _ => {}
        }
        let body = self.body(connection, None)?;
        if !body.is_whole {
            self.broke(body);
            return Ok(Then::Close);
        }
        let done = |body| self.shared.done(self.role, self.head, body);
        let (answer, limit) = match behaviour {
            Behaviour::Answer(answer) => (answer, None),
            Behaviour::Change(change) => (change(done(body)), None),
            Behaviour::CutAnswer(limit) => (done(body), Some(limit)),
            Behaviour::TokensDie => {
                self.shared.tokens.expire();
                (done(body), None)
            }
            Behaviour::CloseWhenDone => {
                done(body);
                return Ok(Then::Close);
            }
            Behaviour::SilentAfter(limit) => {
                let answer = done(body);
                self.answered(&answer);
                connection.answer(self.head, &answer, false, Some(limit))?;
                connection.wait()?;
                return Ok(Then::Close);
            }
            Behaviour::Trickle(pause) => {
                let answer = done(body);
                self.answered(&answer);
                connection.answer(self.head, &answer, true, Some(0))?;
                for byte in &answer.body {
                    std::thread::sleep(pause);
                    connection.write(&[*byte])?;
                }
                return Ok(Then::Close);
            }
            Behaviour::Endless => {
                let answer = done(body).without("content-length").with("transfer-encoding", "chunked");
                self.answered(&answer);
                return self.endless(&answer, connection);
            }
            _ => (done(body), None),
        };
        self.answered(&answer);
        let wanted = self.head.headers.get("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
        let closes = limit.is_some() || wanted;
        connection.answer(self.head, &answer, closes, limit)?;
        Ok(if closes { Then::Linger } else { Then::Next })
    }

    /// Sends chunks until the client goes.
    fn endless(&self, answer: &Answer, connection: &mut Connection) -> std::io::Result<Then> {
        connection.answer(self.head, answer, true, Some(0))?;
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
        loop {
            connection.write(&chunk)?;
        }
    }

    fn body(&self, connection: &mut Connection, limit: Option<usize>) -> std::io::Result<Received> {
        let body = connection.body(self.head, limit)?;
        self.change(|exchange| exchange.received = body.bytes.len());
        Ok(body)
    }

    fn broke(&self, body: Received) {
        if self.role == Role::Registry {
            let (url, route) = (self.shared.url(Role::Registry), Route::of(self.head));
            let mut content = self.shared.content.lock().unwrap();
            let mut uploads = Uploads { profile: &self.shared.profile, url: &url, content: &mut content };
            uploads.broke(&route, body);
        }
    }

    fn answered(&self, answer: &Answer) {
        self.change(|exchange| {
            exchange.status = Some(answer.status);
            exchange.upload = answer.header("Docker-Upload-UUID").map(str::to_owned);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Exchange)) {
        // The list may have been forgotten meanwhile.
        if let Some(exchange) = self.shared.exchanges.lock().unwrap().get_mut(self.number) {
            change(exchange);
        }
    }
}
