//! Progress: bars on a terminal, lines elsewhere, nothing when told to be quiet.

use std::collections::HashMap;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imgbuild_fetch::{Event, Reporter};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::arguments::Global;
use crate::output::say;
use crate::shown::cleaned;
use crate::words::{shortened, size};

/// The reporter that fits standard error.
pub(crate) fn reporter(global: &Global) -> Arc<dyn Reporter> {
    if global.quiet {
        Arc::new(imgbuild_fetch::Silent)
    } else if stderr().is_terminal() && global.verbose == 0 {
        Arc::new(Bars::new())
    } else {
        Arc::new(Lines)
    }
}

/// A line for what happened.
struct Lines;

impl Reporter for Lines {
    fn event(&self, event: Event) {
        if let Some(line) = line(&event) {
            say(&format!("{}\n", cleaned(&line)));
        }
    }
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::Locking { variant } => Some(format!("locking {variant}")),
        Event::Taking { file } => Some(format!("taking the packages of {file} as they are locked there")),
        Event::InChannels { variant, names } => Some(format!(
            "{variant}: the channels have {} as conda packages too, which fit an environment better",
            names.join(", ")
        )),
        Event::Note { text } => Some(format!("note: {text}")),
        Event::DownloadFinished { name, size: bytes } => {
            Some(format!("downloaded {name} ({})", size(*bytes)))
        }
        Event::WheelStarted { name } => Some(format!("building the wheel of {name}")),
        Event::WheelFinished { name, size: bytes } => Some(format!("built {name} ({})", size(*bytes))),
        Event::LayersPlanned { all, missing: 0, .. } => Some(format!("all {all} layers are in the cache")),
        Event::LayersPlanned { all, missing, bytes } => {
            Some(format!("making {missing} of {all} layers ({} installed)", size(*bytes)))
        }
        Event::LayerFinished { title, size: bytes, .. } => {
            Some(format!("layer {} ({})", shortened(title, 60), size(*bytes)))
        }
        Event::BlobPushed { digest, size: bytes, is_sent } => {
            let how = if *is_sent { "sent" } else { "mounted" };
            Some(format!("{how} {} ({})", shortened(digest, 20), size(*bytes)))
        }
        Event::Checking { run, .. } => Some(format!("checking {}", shortened(&run.join(" "), 70))),
        _ => None,
    }
}

/// Bars with bytes and rates.
struct Bars {
    all: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    downloads: HashMap<String, ProgressBar>,
    uploads: HashMap<String, ProgressBar>,
    layers: Option<ProgressBar>,
    locking: Option<ProgressBar>,
}

impl Bars {
    fn new() -> Self {
        Self { all: MultiProgress::new(), state: Mutex::new(State::default()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A drawing that died leaves nothing that could be wrong.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self, length: Option<u64>, name: String) -> ProgressBar {
        let template = match length {
            Some(_) => {
                "  {msg:40} {bar:20} {decimal_bytes:>10} of {decimal_total_bytes:>10} {decimal_bytes_per_sec:>12}"
            }
            None => "  {msg:40} {spinner} {decimal_bytes:>10} {decimal_bytes_per_sec:>12}",
        };
        // The templates are our own; a wrong one would only look plain.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style);
        self.all.add(bar.with_message(cleaned(&name)))
    }

    /// What is sent has a bar until it is there, and then a line.
    fn sending(&self, state: &mut State, event: &Event) {
        match event {
            Event::BlobProgressed { digest, bytes, size } => {
                let name = || self.bar(Some(*size), format!("sending {}", shortened(digest, 20)));
                state.uploads.entry(digest.clone()).or_insert_with(name).set_position(*bytes);
            }
            Event::BlobPushed { digest, .. } => {
                if let Some(bar) = state.uploads.remove(digest) {
                    bar.finish_and_clear();
                }
                drop(line(event).map(|line| self.all.println(cleaned(&line))));
            }
            _ => {}
        }
    }
}

impl Reporter for Bars {
    fn event(&self, event: Event) {
        let mut state = self.state();
        match event {
            Event::Locking { variant } => {
                let spinner = self
                    .all
                    .add(ProgressBar::new_spinner().with_message(cleaned(&format!("locking {variant}"))));
                spinner.enable_steady_tick(std::time::Duration::from_millis(100));
                if let Some(before) = state.locking.replace(spinner) {
                    before.finish_and_clear();
                }
            }
            // It stays: it says why no upgrade moves these.
            Event::Taking { .. } | Event::InChannels { .. } | Event::Note { .. } => {
                drop(line(&event).map(|line| self.all.println(cleaned(&line))))
            }
            Event::DownloadStarted { name, size } => {
                let bar = self.bar(size, shortened(&name, 40));
                state.downloads.insert(name, bar);
            }
            Event::DownloadProgressed { name, bytes } => {
                if let Some(bar) = state.downloads.get(&name) {
                    bar.set_position(bytes);
                }
            }
            Event::DownloadFinished { name, .. } => {
                if let Some(bar) = state.downloads.remove(&name) {
                    bar.finish_and_clear();
                }
            }
            Event::BlobProgressed { .. } | Event::BlobPushed { .. } => self.sending(&mut state, &event),
            // What takes minutes has a line, and what ran in the sandbox is known.
            Event::WheelStarted { .. } | Event::WheelFinished { .. } => {
                drop(line(&event).map(|line| self.all.println(cleaned(&line))));
            }
            Event::LayersPlanned { all, missing, bytes } => {
                if let Some(locking) = state.locking.take() {
                    locking.finish_and_clear();
                }
                if missing > 0 {
                    state.layers = Some(self.bar(Some(bytes), format!("{missing} of {all} layers")));
                }
            }
            Event::LayerFinished { installed, .. } => {
                if let Some(bar) = &state.layers {
                    bar.inc(installed);
                    if bar.length().is_some_and(|length| bar.position() >= length) {
                        bar.finish_and_clear();
                    }
                }
            }
            _ => {}
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // The bars are clean when nothing went wrong; else they would stand above the error.
        let _cleared = self.all.clear();
    }
}
