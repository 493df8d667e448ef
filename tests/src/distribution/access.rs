//! Who may do what: passwords, and tokens from a server of its own (distribution's "Token Authentication Specification").

use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::form_urlencoded;

use super::http::{Answer, Head};
use super::route::{Kind, Route};
use super::uploads::parameter;

/// Who is let in.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Everybody.
    #[default]
    Everybody,
    /// Who has the password.
    Basic(Account),
    /// Who has a token.
    Token(TokenRules),
}

/// Somebody's name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Account {
    /// `user`, with the password `hunter2`.
    pub fn user() -> Self {
        Self { user: "user".to_owned(), password: "hunter2".to_owned() }
    }

    /// As an `Authorization` header has it.
    pub fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

/// What tokens are good for.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// Who gets tokens to push.
    pub account: Account,
    /// A token that stands for the account, as `docker login` leaves it (OAuth2).
    pub identity: Option<String>,
    /// Whether everybody gets tokens to pull.
    pub is_public: bool,
    /// How many requests a token is good for.
    pub requests: Option<usize>,
    /// Repositories for which nobody gets a token.
    pub closed: Vec<String>,
    /// Whether a token is refused as a whole that is asked for one of these, among others.
    pub is_strict: bool,
    /// Whether it is no matter of who may only read that a repository is not there: as at Docker Hub, where the answer is 401.
    pub hides_missing: bool,
    /// Whether the answer calls it `access_token`.
    pub is_access_token: bool,
    /// What a mount is answered with whose token does not let it read the source.
    pub closed_source: ClosedSource,
}

/// What becomes of a mount from a repository that may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedSource {
    /// 401, as distribution does.
    Unauthorized,
    /// 403.
    Forbidden,
    /// It becomes an upload.
    Upload,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            account: Account::user(),
            identity: None,
            is_public: false,
            requests: None,
            closed: Vec::new(),
            is_strict: false,
            hides_missing: false,
            is_access_token: false,
            closed_source: ClosedSource::Unauthorized,
        }
    }
}

/// The tokens that were given.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<BTreeMap<String, Given>>);

#[derive(Debug)]
struct Given {
    /// `repository:NAME:ACTION`, each.
    scopes: Vec<String>,
    left: Option<usize>,
}

/// What is to be done with a request.
pub(super) enum Decision {
    /// It is let in.
    Allowed,
    /// It is let in, but a mount finds nothing.
    WithoutSource,
    Refused(Answer),
}

impl Access {
    /// Whether a request is let in. `is_there` says whether its repository is there.
    pub(super) fn decide(
        &self,
        route: &Route,
        head: &Head,
        realm: &str,
        tokens: &Tokens,
        is_there: bool,
    ) -> Decision {
        let header = head.headers.get("authorization").map(String::as_str);
        let unauthorized = || {
            Answer::error(401, "UNAUTHORIZED", "authentication required")
                .with("Docker-Distribution-Api-Version", "registry/2.0")
        };
        match self {
            Self::Everybody => Decision::Allowed,
            Self::Basic(account) if header == Some(&account.header()) => Decision::Allowed,
            Self::Basic(_) => {
                Decision::Refused(unauthorized().with("WWW-Authenticate", "Basic realm=\"test\""))
            }
            Self::Token(rules) => {
                let mut own = scopes(route);
                if rules.hides_missing && !is_there && !own.is_empty() {
                    own.push(format!("repository:{}:push", route.name));
                }
                let source = parameter(head, "from")
                    .filter(|_| route.kind == Kind::Mount)
                    .map(|from| format!("repository:{from}:pull"));
                let token = header.and_then(|header| header.strip_prefix("Bearer "));
                let held = token.and_then(|token| tokens.use_once(token));
                let allows = |scope: &String| held.as_ref().is_some_and(|held| held.contains(scope));
                if held.is_some() && own.iter().all(allows) {
                    match source.as_ref().filter(|source| !allows(source)) {
                        None => return Decision::Allowed,
                        Some(_) if rules.closed_source == ClosedSource::Upload => {
                            return Decision::WithoutSource;
                        }
                        Some(_) if rules.closed_source == ClosedSource::Forbidden => {
                            let text = "requested access to the resource is denied";
                            return Decision::Refused(Answer::error(403, "DENIED", text));
                        }
                        Some(_) => {}
                    }
                }
                let error = match (token, &held) {
                    (None, _) => "",
                    (Some(_), None) => ",error=\"invalid_token\"",
                    (Some(_), Some(_)) => ",error=\"insufficient_scope\"",
                };
                let scope = challenged(route, source);
                let scope = if scope.is_empty() { scope } else { format!(",scope=\"{scope}\"") };
                let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"{scope}{error}");
                Decision::Refused(unauthorized().with("WWW-Authenticate", challenge))
            }
        }
    }

    /// The answer of the server of tokens.
    pub(super) fn token(&self, head: &Head, body: &[u8], tokens: &Tokens) -> Answer {
        let Self::Token(rules) = self else { return Answer::status(404) };
        let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        let all = if head.method == "POST" { &form } else { &head.query };
        let value = |name: &str| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let account = &rules.account;
        let is_known = match value("grant_type") {
            Some("refresh_token") => {
                rules.identity.is_some() && value("refresh_token") == rules.identity.as_deref()
            }
            Some("password") => {
                value("username") == Some(&account.user) && value("password") == Some(&account.password)
            }
            _ => head.headers.get("authorization") == Some(&account.header()),
        };
        let is_anonymous = head.method == "GET" && !head.headers.contains_key("authorization");
        let gets_some = is_known || (is_anonymous && rules.is_public);
        if !gets_some {
            return Answer::json(401, &json!({ "details": "incorrect username or password" }));
        }
        let wanted = all.iter().filter(|(key, _)| key == "scope").flat_map(|(_, scope)| scope.split(' '));
        let mut scopes = Vec::new();
        for scope in wanted {
            let Some((resource, actions)) = scope.rsplit_once(':') else { continue };
            let is_closed = rules.closed.iter().any(|name| resource == format!("repository:{name}"));
            if is_closed && rules.is_strict {
                return Answer::error(403, "DENIED", "requested access to the resource is denied");
            }
            let may = |action: &&str| !is_closed && (is_known || *action == "pull");
            scopes.extend(actions.split(',').filter(may).map(|action| format!("{resource}:{action}")));
        }
        let token = tokens.give(scopes, rules.requests);
        let name = if rules.is_access_token { "access_token" } else { "token" };
        Answer::json(200, &json!({ name: token, "expires_in": 300 }))
    }
}

impl Tokens {
    fn give(&self, scopes: Vec<String>, left: Option<usize>) -> String {
        let mut given = self.0.lock().unwrap();
        let token = format!("token-of-the-test-{}", given.len() + 1);
        given.insert(token.clone(), Given { scopes, left });
        token
    }

    /// What a token is good for, and one request less from now on; nothing where it is over.
    fn use_once(&self, token: &str) -> Option<Vec<String>> {
        let mut given = self.0.lock().unwrap();
        let found = given.get_mut(token)?;
        if let Some(left) = &mut found.left {
            *left = left.checked_sub(1)?;
        }
        Some(found.scopes.clone())
    }

    /// All of them are over.
    pub(super) fn expire(&self) {
        self.0.lock().unwrap().values_mut().for_each(|given| given.left = Some(0));
    }
}

/// What a request needs.
fn scopes(route: &Route) -> Vec<String> {
    let actions: &[&str] = match route.kind {
        Kind::Version | Kind::Other | Kind::Token | Kind::Elsewhere => &[],
        Kind::DeleteManifest | Kind::DeleteBlob => &["delete"],
        kind if kind.writes() => &["pull", "push"],
        _ => &["pull"],
    };
    actions.iter().map(|action| format!("repository:{}:{action}", route.name)).collect()
}

/// The same as a challenge writes it.
fn challenged(route: &Route, source: Option<String>) -> String {
    let own = scopes(route);
    let actions: Vec<&str> = own.iter().filter_map(|scope| Some(scope.rsplit_once(':')?.1)).collect();
    let own = (!actions.is_empty()).then(|| format!("repository:{}:{}", route.name, actions.join(",")));
    own.into_iter().chain(source).collect::<Vec<_>>().join(" ")
}
