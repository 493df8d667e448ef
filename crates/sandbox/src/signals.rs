//! Signals that reach this program and are meant for the command.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

const PASSED: [i32; 9] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT];
/// Those that end a program that does not expect them.
const ENDING: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

/// Whether no command runs: then a signal does what it always does. A handler, once set, is never taken away again.
static IDLE: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The signals that came since the last look. While it lives, they do nothing else to this program.
#[derive(Debug)]
pub(crate) struct Signals(Mutex<SignalDelivery<UnixStream, SignalOnly>>, UnixStream);

impl Signals {
    pub(crate) fn watch() -> io::Result<Self> {
        if IDLE.get().is_none() {
            let idle = Arc::new(AtomicBool::new(false));
            for signal in ENDING {
                signal_hook::flag::register_conditional_default(signal, Arc::clone(&idle))?;
            }
            // Two at once would both be right.
            let _ = IDLE.set(idle);
        }
        set_idle(false);
        let (read, write) = UnixStream::pair()?;
        let readable = read.try_clone()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, PASSED)?;
        Ok(Self(Mutex::new(delivery), readable))
    }

    pub(crate) fn pending(&self) -> Vec<i32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pending().collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        set_idle(true);
    }
}

fn set_idle(idle: bool) {
    if let Some(flag) = IDLE.get() {
        flag.store(idle, Ordering::SeqCst);
    }
}
