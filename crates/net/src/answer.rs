//! What answers say beside their content: whether and when to ask again, and where they came from.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Body, Response, ResponseBuilderExt, StatusCode, Url};

/// What a proxy says whose client has gone, by its account (nginx).
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The answers that mean a trouble of the moment.
pub fn is_transient(status: StatusCode) -> bool {
    let lasting = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    (status.is_server_error() && !lasting.contains(&status))
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
        || status.as_u16() == CLIENT_CLOSED_REQUEST
}

/// What the header `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or a date.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    parse_retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, Timestamp::now())
}

fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// An answer that says that it came from `url`: what an answer is made of does not say it by itself.
pub(crate) fn stating(url: Url, mut response: http::Response<Body>) -> Response {
    if let Ok(stated) = http::Response::builder().url(url).body(()) {
        response.extensions_mut().extend(stated.into_parts().0.extensions);
    }
    response.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_may_ask_for_a_time() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(60)),
            ("Wed, 21 Oct 2015 07:26:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(parse_retry_after(text, now).map(|time| time.as_secs()), seconds, "{text}");
        }
    }
}
