//! Choosing where PyTorch's wheels come from: one of its own indexes, a mirror of these, or none of them.

use std::error::Error;
use std::iter::successors;

use imgbuild_secret::{SecretText, SecretUrl};
use url::Url;

use crate::choosing::cuda::OF_BACKEND;
use crate::choosing::locking::Run;
use crate::choosing::locking_error::LockingError;
use crate::choosing::uv::Compilation;
use crate::choosing::uv_error::UvError;
use crate::index::listing::text;
use crate::index::pytorch::{PytorchChoice, rewritten, write_page};

/// PyTorch's own server, as messages of uv name it.
const SERVER: &str = "download.pytorch.org";
/// Where its indexes are on it.
const ROOT: &str = "https://download.pytorch.org/whl";
/// The index that nobody has to name.
const DEFAULT_INDEX: &str = "pypi.org";

/// An error with all that is behind it.
fn whole(error: &dyn Error) -> String {
    let all = successors(Some(error), |error: &&dyn Error| (*error).source());
    let all: Vec<String> = all.map(ToString::to_string).collect();
    all.join(": ")
}

impl Run<'_> {
    /// Chooses where PyTorch's wheels come from. A mirror's pages are read once.
    ///
    /// # Errors
    ///
    /// When the mirror does not answer, or has nothing.
    pub(crate) async fn choose_pytorch(&mut self) -> Result<(), LockingError> {
        let wanted = &self.request.pytorch;
        let Some(backend) = &wanted.backend else { return Ok(()) };
        if wanted.gives_way && self.own_index_has_torch().await {
            return Ok(());
        }
        self.pytorch = match self.locking.settings.pytorch_mirror() {
            None => PytorchChoice::Backend(backend.clone()),
            Some(mirror) => PytorchChoice::Pages(self.pages_of(mirror, backend).await?),
        };
        Ok(())
    }

    /// Tells a run of uv.
    pub(crate) fn tell_of_pytorch(&self, compilation: &mut Compilation) {
        match &self.pytorch {
            PytorchChoice::Nothing => {}
            PytorchChoice::Backend(backend) => compilation.backend = Some(backend.clone()),
            PytorchChoice::Pages(index) => compilation.settings.put_first(index.clone()),
        }
    }

    /// An error of uv, where it is that PyTorch's index cannot be reached.
    pub(crate) fn pytorch_error(&self, error: UvError) -> LockingError {
        match (&self.pytorch, error) {
            (PytorchChoice::Backend(backend), UvError::Failed { said, .. }) if said.contains(SERVER) => {
                LockingError::Pytorch { index: format!("{ROOT}/{backend}"), reason: said }
            }
            (_, error) => error.into(),
        }
    }

    /// Whether an index that somebody has named has PyTorch. One that does not answer is told of by uv.
    async fn own_index_has_torch(&self) -> bool {
        let Some(mut places) = self.places().await else { return false };
        places.indexes.retain(|index| index.whole().host_str() != Some(DEFAULT_INDEX));
        let found = places.files(self.locking.metadata.client, "torch").await;
        found.inspect_err(|error| tracing::debug!("{error}")).is_ok_and(|files| !files.is_empty())
    }

    /// The pages of a mirror, of the packages that come from PyTorch's indexes and from nowhere else: uv takes a package from the first
    /// index that has it, and of all others a mirror has only some versions.
    async fn pages_of(&self, mirror: &SecretText, backend: &str) -> Result<SecretText, LockingError> {
        let unreachable = |reason: String| LockingError::PytorchMirror {
            mirror: mirror.public(),
            index: backend.to_owned(),
            reason,
        };
        let root: SecretUrl = mirror.whole().parse().map_err(|_| unreachable("it is no URL".to_owned()))?;
        let folder = self.scratch.path().join("pytorch");
        let mut has_any = false;
        for name in OF_BACKEND {
            let page =
                root.below(&format!("{backend}/{name}/")).map_err(|error| unreachable(error.to_string()))?;
            let found = text(self.locking.metadata.client, &page).await;
            let Some(found) = found.map_err(|error| unreachable(whole(&error)))? else {
                continue;
            };
            has_any = true;
            write_page(&folder.join(name), &rewritten(&found, root.whole(), page.whole()))?;
        }
        if !has_any {
            return Err(unreachable(format!("it has no index `{backend}`")));
        }
        Ok(SecretText::new(Url::from_directory_path(&folder).map_or_else(|()| String::new(), String::from)))
    }
}
