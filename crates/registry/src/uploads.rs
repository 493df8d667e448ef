//! The uploads of a run that have begun and not ended, and how each is cancelled.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, join_all};
use url::Url;

/// Tells a registry that nothing more of an upload will come.
pub(crate) type Cancel = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// The uploads that have begun.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    begun: BTreeMap<u64, Upload>,
}

/// One that has begun.
pub(crate) struct Upload {
    /// The repository that it goes to.
    pub(crate) repository: Url,
    /// Whether nobody goes on with it.
    pub(crate) is_given_up: bool,
    cancel: Cancel,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}

impl Uploads {
    /// One has begun: what it is called from now on.
    pub(crate) fn begin(&self, repository: Url, cancel: Cancel) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        state.begun.insert(id, Upload { repository, is_given_up: false, cancel });
        id
    }

    /// It goes on at another place, where it is cancelled then.
    pub(crate) fn go_on(&self, id: u64, cancel: Cancel) {
        if let Some(upload) = self.lock().begun.get_mut(&id) {
            upload.cancel = cancel;
        }
    }

    /// Nobody goes on with it.
    pub(crate) fn give_up(&self, id: u64) {
        if let Some(upload) = self.lock().begun.get_mut(&id) {
            upload.is_given_up = true;
        }
    }

    /// It has come to its end.
    pub(crate) fn end(&self, id: u64) {
        self.lock().begun.remove(&id);
    }

    /// Cancels some of them, all at once.
    pub(crate) async fn cancel(&self, is_meant: impl Fn(&Upload) -> bool) {
        let meant: Vec<Upload> =
            self.lock().begun.extract_if(.., |_, upload| is_meant(upload)).map(|it| it.1).collect();
        join_all(meant.into_iter().map(|upload| (upload.cancel)())).await;
    }

    /// No thread leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
