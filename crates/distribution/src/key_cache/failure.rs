//! Why a cache does not do what it should, in a line.

use std::error::Error;

use imgbuild_net::{NetError, is_transient};
use imgbuild_registry::RegistryError;

/// Why a cache does not do what it should: it costs time, and is told.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// What is wrong with objects.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
struct ObjectError {
    words: String,
    /// Whether it is the place that is wrong, so that nothing else will be better there.
    is_lasting: bool,
}

/// How the library begins what it says of a request; what it has asked for, which may be secret, and how long that took, comes next.
const REQUEST: &str = "Error performing ";

/// How a server says that it does not know a request, as the library writes it.
const NOT_IMPLEMENTED: &str = "501 Not Implemented";

/// Where machines of clouds are given credentials.
const METADATA: [&str; 3] = ["//169.254.", "//metadata/", "//metadata.google.internal/"];

/// What a place says that is not there.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "specified bucket does not exist"];

/// An error of the library without what it has asked for, which holds signatures, and without times.
pub(super) fn plain(error: object_store::Error) -> Failure {
    let text = error.to_string();
    let words = match text.split_once(REQUEST).and_then(|(_, of)| of.split_once(" - ")) {
        Some((_, words)) => words,
        // "Generic S3 error: " says nothing.
        None => {
            text.strip_prefix("Generic ").and_then(|of| of.split_once(" error: ")).map_or(&*text, |it| it.1)
        }
    };
    let words = words.trim_start_matches("HTTP error: ").trim_end_matches([' ', ':']);
    let words = match words.strip_prefix("Server returned non-2xx status code: ") {
        Some(answer) => format!("the server answered `{answer}`"),
        None => words.to_owned(),
    };
    let words = match METADATA.iter().any(|host| text.contains(host)) {
        true => format!("no variable names credentials, and this machine is given none: {words}"),
        false => words,
    };
    let is_of_request = text.contains(REQUEST);
    let is_of_key = matches!(
        error,
        object_store::Error::NotFound { .. }
            | object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. }
            | object_store::Error::PermissionDenied { .. }
    );
    let is_unknown = words.contains(NOT_IMPLEMENTED);
    let is_lasting =
        is_of_request && (!is_of_key && !is_unknown || NO_BUCKET.iter().any(|it| words.contains(it)));
    Box::new(ObjectError { words, is_lasting })
}

/// Whether it is the request that a place does not know, such as one that has a condition.
pub(super) fn is_unknown(error: &object_store::Error) -> bool {
    use object_store::Error::{NotImplemented, NotSupported};
    matches!(error, NotImplemented { .. } | NotSupported { .. })
        || error.to_string().contains(NOT_IMPLEMENTED)
}

/// What cannot be had, or why not; nothing where it is not there. That the whole place is not there is no answer.
pub(super) fn found<T>(result: object_store::Result<T>) -> Result<Option<T>, Failure> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error @ object_store::Error::NotFound { .. }) => {
            let error = plain(error);
            if is_lasting(&*error) { Err(error) } else { Ok(None) }
        }
        Err(error) => Err(plain(error)),
    }
}

/// Whether a cache that fails like this is not to be asked again in this run: it is away, or busy, and all tries have been made.
pub(super) fn is_lasting(error: &(dyn Error + 'static)) -> bool {
    let of_objects = error.downcast_ref::<ObjectError>().is_some_and(|it| it.is_lasting);
    let net =
        error.downcast_ref::<NetError>().or_else(|| error.downcast_ref::<Box<NetError>>().map(|it| &**it));
    let of_net = net.is_some_and(NetError::is_transient);
    let refusal = error.downcast_ref::<RegistryError>().and_then(RegistryError::refusal);
    let of_registry = refusal.is_some_and(|it| is_transient(it.status));
    of_objects || of_net || of_registry || error.source().is_some_and(is_lasting)
}
