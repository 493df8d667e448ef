//! Opening a folder or a bucket, with what variables say of it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use imgbuild_net::{Client, NetError, Schedule, Transport};
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use super::connection::Connector;
use super::costs::RETRIED_FOR;
use super::failure::{Failure, plain};
use super::objects::Objects;

/// A folder, or a bucket, with the credentials that variables of this process name.
pub(super) fn open(
    url: &Url,
    client: &Client,
    variables: &BTreeMap<String, String>,
) -> Result<Objects, Failure> {
    if url.scheme() == "file"
        && let Ok(folder) = url.to_file_path()
    {
        std::fs::create_dir_all(&folder)?;
        let objects = LocalFileSystem::new_with_prefix(folder).map_err(plain)?;
        return Ok(Objects::new(Arc::new(objects), Path::default()));
    }
    if client.is_offline() {
        return Err(NetError::Offline { url: url.to_string() }.into());
    }
    let (scheme, below) = ObjectStoreScheme::parse(url).map_err(|error| plain(error.into()))?;
    let connector = Connector(client.conversing(&Transport::default())?);
    let retry = retries(client.schedule());
    let objects: object_store::Result<Arc<dyn ObjectStore>> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::new().with_retry(retry).with_http_connector(connector);
            let builder =
                own(variables, "AWS_").fold(builder, |builder, (key, value)| builder.with_config(key, value));
            // Not everybody who speaks S3 knows how to delete several at once.
            let builder = builder.with_disable_bulk_delete(true);
            builder.with_url(url.as_str()).build().map(|it| Arc::new(it) as _)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::new().with_retry(retry).with_http_connector(connector);
            let builder = own(variables, "GOOGLE_")
                .fold(builder, |builder, (key, value)| builder.with_config(key, value));
            builder.with_url(url.as_str()).build().map(|it| Arc::new(it) as _)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::new().with_retry(retry).with_http_connector(connector);
            let builder = own(variables, "AZURE_")
                .fold(builder, |builder, (key, value)| builder.with_config(key, value));
            // Where Azure's services tell who they are, by its name there.
            let builder = match variables.get("IDENTITY_ENDPOINT").filter(|it| !it.is_empty()) {
                Some(endpoint) => builder.with_config(AzureConfigKey::MsiEndpoint, endpoint),
                None => builder,
            };
            builder.with_url(url.as_str()).build().map(|it| Arc::new(it) as _)
        }
        _ => return Err("it is no bucket".into()),
    };
    Ok(Objects::new(objects.map_err(plain)?, below))
}

/// The settings that a provider's own variables say: those without its prefix, such as `TOKEN` or `BUCKET`, are anybody's. One that
/// is empty says nothing.
fn own<K: FromStr>(variables: &BTreeMap<String, String>, prefix: &str) -> impl Iterator<Item = (K, String)> {
    variables
        .iter()
        .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.clone())))
}

/// The library tries again as we do.
fn retries(schedule: Schedule) -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: schedule.first, max_backoff: RETRIED_FOR, base: 2.0 };
    RetryConfig { backoff, max_retries: schedule.retries as usize, retry_timeout: RETRIED_FOR }
}
