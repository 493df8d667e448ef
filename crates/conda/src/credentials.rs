//! The credentials that others keep for conda channels.

use std::sync::Arc;

use rattler_networking::{AuthenticationMiddleware, AuthenticationStorage, AuthenticationStorageError};
use reqwest_middleware::Middleware;

/// The credentials that rattler's programs use: `RATTLER_AUTH_FILE`, its credentials file, `.netrc`.
///
/// # Errors
///
/// When they cannot be read.
pub fn credentials() -> Result<Arc<dyn Middleware>, AuthenticationStorageError> {
    let storage = AuthenticationStorage::from_env_and_defaults()?;
    Ok(Arc::new(AuthenticationMiddleware::from_auth_storage(storage)))
}

/// For which servers credentials are kept, each with the place that is asked for it first. What they are is not read.
///
/// # Errors
///
/// When a file of them cannot be read.
pub fn kept_credentials() -> Result<Vec<(String, String)>, AuthenticationStorageError> {
    let kept = AuthenticationStorage::from_env_and_defaults()?.list_keys_with_sources()?;
    Ok(kept.into_iter().filter(|it| it.active).map(|it| (it.host, it.source)).collect())
}
