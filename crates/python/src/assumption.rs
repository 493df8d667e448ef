//! Bytecode that is taken to be valid while its part is written, and judged when all of it has passed: most of it is, and so most parts are
//! read once.

use std::io::{self, Cursor, Read};

use imgbuild_layer::{EntryHead, EntrySink, SinkError, SourceError, WriteOptions};

use crate::inspection::{Emit, Inspection, Verdict};

/// Writes what `emit` gives as if `assumed` were the verdict over it.
///
/// # Errors
///
/// [`SourceError::Restart`] where it is another one.
pub(crate) fn write(
    assumed: &Verdict,
    inspection: Inspection<'_>,
    emit: &Emit<'_>,
    sink: &mut dyn EntrySink,
) -> Result<(), SourceError> {
    let mut assumption = Assumption { inspection, sink, is_refuted: false };
    let written = emit(&assumed.dropped, &mut assumption);
    let is_wrong = match &written {
        _ if assumption.is_refuted => true,
        Ok(()) => assumption.inspection.judge() != *assumed,
        Err(SourceError::Sink(SinkError::Read { .. } | SinkError::Write(_))) => false,
        // What is refused may be what would be left out.
        Err(error) => matches!(error, SourceError::Sink(_)),
    };
    if is_wrong { Err(SourceError::Restart) } else { written }
}

/// Passes everything on, and learns from it whether the bytecode among it is valid.
struct Assumption<'a, 'b> {
    inspection: Inspection<'b>,
    sink: &'a mut dyn EntrySink,
    /// Whether something is known to be stale before all entries have passed.
    is_refuted: bool,
}

impl EntrySink for Assumption<'_, '_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let begun = self.inspection.look_at(head, &mut *body)?;
        if self.inspection.is_stale(&head.path) {
            self.is_refuted = true;
            // Nobody sees it: all is written anew.
            return Err(SinkError::Write(io::Error::other("stale bytecode")));
        }
        self.sink.put(head, &mut Cursor::new(begun).chain(body))
    }

    fn note(&mut self, note: String) {
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}
