//! Several questions to a registry, of which some are asked at once.

use futures::{StreamExt, TryStreamExt};

/// How many are asked at once.
const AT_ONCE: usize = 4;

/// The answers to all of them, in their order.
pub(crate) async fn answers<T, E, F: Future<Output = Result<T, E>>>(
    asked: impl Iterator<Item = F>,
) -> Result<Vec<T>, E> {
    futures::stream::iter(asked).buffered(AT_ONCE).try_collect().await
}
