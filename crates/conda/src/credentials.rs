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
