//! Servers that have packages: whether they answer, and how fast.

use std::time::{Duration, Instant};

use imgbuild_net::{Client, NetError};
use imgbuild_secret::SecretUrl;
use reqwest::header::DATE;
use reqwest::{Method, Request, Response, StatusCode};

use crate::finding::{Area, Finding, Verdict};
use crate::looks::clock::{Stated, parse};
use crate::thresholds::SERVER_PATIENCE;

/// A server, and what is asked there.
#[derive(Debug)]
pub(crate) struct Server {
    /// What it has: `Debian`, `channel`, `index of wheels`.
    pub(crate) kind: &'static str,
    /// Its URL, or a part of it.
    pub(crate) at: SecretUrl,
    /// What is asked for; the next where the one before is not there.
    pub(crate) paths: Vec<SecretUrl>,
    /// Who names it, for whoever wants to correct it.
    pub(crate) named_by: &'static str,
    /// Whether it is asked with a credential.
    pub(crate) has_login: bool,
    /// Whether it may have none of the paths: some indexes have no page of all projects.
    pub(crate) may_lack: bool,
    /// Whether builds need it.
    pub(crate) needed: bool,
    /// Which servers have the same: where one of them is fine, none of the others is needed.
    pub(crate) group: usize,
    /// Whether variables name proxies.
    pub(crate) has_proxies: bool,
    /// What asks it.
    pub(crate) client: Client,
}

/// What came of asking a server.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) finding: Finding,
    pub(crate) stated: Option<Stated>,
    /// Whether it is a server, and whether that has answered anything.
    pub(crate) answered: Option<bool>,
}

impl Server {
    fn what(&self) -> String {
        format!("{} `{}`", self.kind, self.at)
    }

    fn finding(&self, verdict: Verdict, found: String) -> Finding {
        Finding::new(Area::Network, &self.what(), verdict, found).needed_if(self.needed)
    }

    /// Asks it.
    pub(crate) async fn heard(&self) -> Heard {
        if let Some(folder) = folder(&self.at) {
            return Heard { finding: self.of_folder(&folder), stated: None, answered: None };
        }
        match tokio::time::timeout(SERVER_PATIENCE, self.asked()).await {
            Ok(Ok((answer, took))) => {
                let date = answer.headers().get(DATE).and_then(|date| parse(date.to_str().ok()?));
                let stated = date.map(|time| Stated { by: self.at.to_string(), time });
                let finding = self.of_answer(answer.status(), took).after(took);
                Heard { finding, stated, answered: Some(true) }
            }
            Ok(Err(error)) => Heard { finding: self.of_error(&error), stated: None, answered: Some(false) },
            Err(_) => Heard { finding: self.silent(), stated: None, answered: Some(false) },
        }
    }

    /// The first answer that is more than that there is no such thing.
    async fn asked(&self) -> Result<(Response, Duration), NetError> {
        let mut paths = self.paths.iter();
        let mut next = paths.next().unwrap_or(&self.at);
        loop {
            let begin = Instant::now();
            let answer = self.client.exchange(Request::new(Method::GET, next.whole().clone())).await?;
            match paths.next() {
                Some(other) if answer.status() == StatusCode::NOT_FOUND => next = other,
                _ => return Ok((answer, begin.elapsed())),
            }
        }
    }

    fn of_answer(&self, status: StatusCode, took: Duration) -> Finding {
        let with = if self.has_login { ", asked with a credential" } else { "" };
        let answers = format!("it answers in {} ms{with}", took.as_millis());
        let path = self.paths.first().unwrap_or(&self.at);
        match status {
            _ if status.is_success() => self.finding(Verdict::Fine, answers),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED if self.may_lack => {
                self.finding(Verdict::Fine, format!("{answers}, with {status} for a list of all projects"))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => self
                .finding(Verdict::Wrong, format!("it answers, and has no `{path}` ({})", status.as_u16()))
                .remedy(format!("correct what names it: {}", self.named_by)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                self.refused(status)
            }
            _ if status.is_redirection() => self
                .finding(Verdict::Wrong, format!("it answers {status}, and leads to another place"))
                .remedy(format!("name that place: {}", self.named_by)),
            _ => self
                .finding(Verdict::Wrong, format!("it answers {status}"))
                .remedy("try again later, or name another one"),
        }
    }

    fn refused(&self, status: StatusCode) -> Finding {
        let shown = if self.has_login { "does not accept the credential" } else { "wants to know who asks" };
        let who = if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED { "the proxy" } else { "it" };
        let remedy = match (who, self.has_login) {
            ("the proxy", _) => "put a user and a password into the proxy's URL (`HTTPS_PROXY`)".to_owned(),
            (_, true) => {
                "renew the credential where it is kept: in its URL, in `.netrc`, or in `RATTLER_AUTH_FILE`"
                    .to_owned()
            }
            (_, false) => {
                "keep a credential for it: in `.netrc`, in its URL, or for channels in `RATTLER_AUTH_FILE`"
                    .to_owned()
            }
        };
        self.finding(Verdict::Wrong, format!("{who} {shown} ({})", status.as_u16())).remedy(remedy)
    }

    fn of_error(&self, error: &NetError) -> Finding {
        let finding = Finding::of(Area::Network, &self.what(), error).needed_if(self.needed);
        finding.remedy(self.usual())
    }

    fn silent(&self) -> Finding {
        let found = format!("it does not answer within {} s", SERVER_PATIENCE.as_secs());
        self.finding(Verdict::Wrong, found).remedy(self.usual())
    }

    /// What helps where nobody answers.
    fn usual(&self) -> String {
        let named_by = self.named_by;
        match self.has_proxies {
            true => format!(
                "correct the proxies above, or except the server by `NO_PROXY`; another server is named by {named_by}"
            ),
            false => format!(
                "a closed network has proxies, for `HTTPS_PROXY` and `NO_PROXY`, or mirrors of its own, for {named_by}"
            ),
        }
    }

    /// One that nobody may ask.
    pub(crate) fn unasked(&self) -> Heard {
        let finding = match folder(&self.at) {
            Some(folder) => self.of_folder(&folder),
            None => self.finding(Verdict::Unknown, "it is not asked: `--offline`".to_owned()),
        };
        Heard { finding, stated: None, answered: None }
    }

    /// One that is a folder of this machine.
    fn of_folder(&self, folder: &std::path::Path) -> Finding {
        match std::fs::read_dir(folder) {
            Ok(_) => self.finding(Verdict::Fine, "it is a folder of this machine, and is there".to_owned()),
            Err(error) => self
                .finding(
                    Verdict::Wrong,
                    format!("it is a folder of this machine, and cannot be read: {error}"),
                )
                .remedy(format!("correct what names it: {}", self.named_by)),
        }
    }
}

/// Takes it that of servers with the same one is enough.
pub(crate) fn relieve(servers: &[Server], heard: &mut [Heard]) {
    let is_fine = |heard: &Heard| heard.finding.verdict == Verdict::Fine;
    let pairs = servers.iter().zip(heard.iter());
    let fine: Vec<usize> = pairs.filter(|(_, it)| is_fine(it)).map(|(server, _)| server.group).collect();
    for (server, heard) in servers.iter().zip(heard) {
        if !is_fine(heard) && fine.contains(&server.group) {
            heard.finding.needed = false;
        }
    }
}

fn folder(url: &SecretUrl) -> Option<std::path::PathBuf> {
    (url.whole().scheme() == "file").then(|| url.whole().to_file_path().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(has_login: bool, may_lack: bool) -> Server {
        let at: SecretUrl = "https://me:hunter2@r.example/simple".parse().unwrap();
        let options = imgbuild_net::Options { offline: true, ..imgbuild_net::Options::default() };
        Server {
            kind: "index of wheels",
            paths: vec![at.below("").unwrap()],
            at,
            named_by: "pip's settings",
            has_login,
            may_lack,
            needed: true,
            group: 0,
            has_proxies: false,
            client: Client::new(options).unwrap(),
        }
    }

    #[test]
    fn what_answers_mean() {
        let mut all = Vec::new();
        for status in [200, 302, 401, 403, 404, 407, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            all.push(server(true, false).of_answer(status, Duration::from_millis(12)));
        }
        all.push(server(false, true).of_answer(StatusCode::NOT_FOUND, Duration::from_millis(1)));
        all.push(server(false, true).of_answer(StatusCode::UNAUTHORIZED, Duration::from_millis(1)));
        all.push(server(false, false).silent());
        all.push(Server { has_proxies: true, ..server(false, false) }.silent());
        all.push(server(false, false).unasked().finding);
        let text = crate::looks::shown(&all);
        assert!(!text.contains("hunter2"), "{text}");
        insta::assert_snapshot!(text, @"
        fine! index of wheels `https://r.example/simple`: it answers in 12 ms, asked with a credential
        wrong! index of wheels `https://r.example/simple`: it answers 302 Found, and leads to another place
          -> name that place: pip's settings
        wrong! index of wheels `https://r.example/simple`: it does not accept the credential (401)
          -> renew the credential where it is kept: in its URL, in `.netrc`, or in `RATTLER_AUTH_FILE`
        wrong! index of wheels `https://r.example/simple`: it does not accept the credential (403)
          -> renew the credential where it is kept: in its URL, in `.netrc`, or in `RATTLER_AUTH_FILE`
        wrong! index of wheels `https://r.example/simple`: it answers, and has no `https://r.example/simple/` (404)
          -> correct what names it: pip's settings
        wrong! index of wheels `https://r.example/simple`: the proxy does not accept the credential (407)
          -> put a user and a password into the proxy's URL (`HTTPS_PROXY`)
        wrong! index of wheels `https://r.example/simple`: it answers 503 Service Unavailable
          -> try again later, or name another one
        fine! index of wheels `https://r.example/simple`: it answers in 1 ms, with 404 Not Found for a list of all projects
        wrong! index of wheels `https://r.example/simple`: it wants to know who asks (401)
          -> keep a credential for it: in `.netrc`, in its URL, or for channels in `RATTLER_AUTH_FILE`
        wrong! index of wheels `https://r.example/simple`: it does not answer within 5 s
          -> a closed network has proxies, for `HTTPS_PROXY` and `NO_PROXY`, or mirrors of its own, for pip's settings
        wrong! index of wheels `https://r.example/simple`: it does not answer within 5 s
          -> correct the proxies above, or except the server by `NO_PROXY`; another server is named by pip's settings
        unknown! index of wheels `https://r.example/simple`: it is not asked: `--offline`
        ");
    }

    #[test]
    fn one_of_several_mirrors_is_enough() {
        let servers = [1, 1, 2].map(|group| Server { group, ..server(false, false) });
        let statuses = [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::NOT_FOUND];
        let mut heard: Vec<Heard> = servers
            .iter()
            .zip(statuses)
            .map(|(server, status)| Heard {
                finding: server.of_answer(status, Duration::from_millis(1)),
                stated: None,
                answered: Some(true),
            })
            .collect();
        relieve(&servers, &mut heard);
        assert_eq!(heard.iter().map(|it| it.finding.hinders()).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn a_folder_is_a_server_too() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &std::path::Path| {
            let at = format!("file://{}", path.display()).parse().unwrap();
            Server { at, ..server(false, false) }.unasked().finding
        };
        let all = [of(folder.path()), of(&folder.path().join("absent"))];
        let text = crate::looks::shown(&all).replace(&folder.path().display().to_string(), "/HERE");
        insta::assert_snapshot!(text, @"
        fine! index of wheels `file:///HERE`: it is a folder of this machine, and is there
        wrong! index of wheels `file:///HERE/absent`: it is a folder of this machine, and cannot be read: No such file or directory (os error 2)
          -> correct what names it: pip's settings
        ");
    }
}
