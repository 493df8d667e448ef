//! Requests that no answer leads to another server, and servers that are asked no more.

use std::collections::BTreeSet;
use std::sync::Mutex;

use reqwest::redirect::Policy;
use url::Url;

use crate::NetError;

tokio::task_local! {
    /// Set where an answer may not lead to another server. One client has one policy, and shares its connections.
    static STAYS: ();
}

/// Whether the request of now may not be led to another server.
pub(crate) fn stays() -> bool {
    STAYS.try_with(|()| ()).is_ok()
}

/// Where answers may lead: anywhere, but from a request that stays.
pub(crate) fn policy() -> Policy {
    Policy::custom(|attempt| {
        let first = attempt.previous().first().map(Url::origin);
        if stays() && first.is_some_and(|first| first != attempt.url().origin()) {
            attempt.stop()
        } else {
            Policy::default().redirect(attempt)
        }
    })
}

/// A request that may not be led to another server.
pub(crate) async fn staying<T>(request: impl Future<Output = T>) -> T {
    STAYS.scope((), request).await
}

/// The servers that have failed, and that nobody waits for again.
#[derive(Debug, Default)]
pub struct DownServers(Mutex<BTreeSet<String>>);

impl DownServers {
    /// Whether the server of a URL has failed.
    pub fn has(&self, url: &Url) -> bool {
        self.0.lock().is_ok_and(|known| known.contains(&server(url)))
    }

    /// Notes that a request has failed. What a server answers of one thing says nothing of another: it is down only where the same
    /// request could succeed a little later.
    pub fn note(&self, url: &Url, error: &NetError) {
        if error.is_transient()
            && let Ok(mut known) = self.0.lock()
        {
            known.insert(server(url));
        }
    }
}

fn server(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn a_server_is_down_that_fails_and_not_one_that_refuses() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let (down, asked) = (DownServers::default(), url("https://a.example/x"));
        let status = |status| NetError::Status { url: String::new(), status, retry_after: None };
        let refused = NetError::Unauthorized { url: String::new(), status: StatusCode::FORBIDDEN };
        for error in [refused, NetError::NotFound { url: String::new() }, status(StatusCode::IM_A_TEAPOT)] {
            down.note(&asked, &error);
            assert!(!down.has(&asked), "{error}");
        }
        down.note(&asked, &status(StatusCode::BAD_GATEWAY));
        assert!(down.has(&url("https://a.example/y")));
        assert!(!down.has(&url("https://a.example:444/x")) && !down.has(&url("https://b.example/x")));
    }
}
