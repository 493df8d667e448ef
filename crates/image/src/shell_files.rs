//! The files that shells read whoever starts them, with a line of ours at their end: Debian has no folder for such lines.

use imgbuild_archive::{ImagePath, LayerReader, Owner};
use imgbuild_base::ShellFile;
use imgbuild_diagnostic::plain;
use imgbuild_ecosystem::Execution;
use imgbuild_fetch::Context;
use imgbuild_layer::{
    EntryHead, EntryKind, EntrySink, Grouping, KeyHasher, LayerError, Merged, Part, PartId, RecipeHash, Role,
    SourceError,
};
use imgbuild_runtime::SHELL_FILES;
use imgbuild_store::LayerRecord;

use crate::derived::{Derived, Foundation};
use crate::error::{MakeError, MakeFailure};
use crate::unpacked::{NamedLayer, read_layer};

/// What is added to files of the base.
const SHELL_FILES_ROLE: Role = Role { grouping: Grouping::Alone, ..Role::package("shell-files", 79, 1) };

/// The base's files that shells read.
pub(crate) struct ShellFiles {
    part: Part,
    timestamp: i64,
    /// The files, where they are known; else they are looked for in the layers below.
    known: Option<Vec<ShellFile>>,
}

impl ShellFiles {
    /// Those of an image whose other layers are known. They count as changed at `timestamp`.
    pub(crate) fn new(timestamp: i64, image: &Foundation<'_>, known: Option<Vec<ShellFile>>) -> Self {
        let lines = SHELL_FILES.iter().map(|(path, line)| format!("{path} {line}"));
        let hasher =
            KeyHasher::new("shell files").field("timestamp", timestamp.to_string()).list("lines", lines);
        let hasher = image.key(hasher, |role| role.of_base);
        let part = Part {
            id: PartId::new("imgbuild", "shells"),
            title: "the base's files for shells, with the environment".to_owned(),
            recipe: RecipeHash(hasher.finish()),
            archive: None,
            role: SHELL_FILES_ROLE,
            weight: 0,
            root: None,
        };
        Self { part, timestamp, known }
    }

    fn failed(&self, error: SourceError) -> MakeError {
        MakeFailure::Layer(Box::new(LayerError::Part { part: self.part.id.clone(), error })).into()
    }
}

impl Derived for ShellFiles {
    fn part(&self) -> &Part {
        &self.part
    }

    fn stands_on(&self, role: Role) -> bool {
        role.of_base && self.known.is_none()
    }

    fn execution(&self) -> Option<Execution> {
        None
    }

    fn write(
        &self,
        below: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<String, MakeError> {
        let files = match &self.known {
            Some(known) => known.clone(),
            None => found(below, context)?,
        };
        for ShellFile { path, mode, mut content } in files {
            let line = SHELL_FILES.iter().find(|(known, _)| path.as_str() == *known).map(|(_, line)| *line);
            if content.last().is_some_and(|last| *last != b'\n') {
                content.push(b'\n');
            }
            content.extend_from_slice(line.unwrap_or_default().as_bytes());
            let kind = EntryKind::File { size: content.len() as u64 };
            let head = EntryHead { path, kind, mode, owner: Owner::ROOT, mtime: self.timestamp };
            sink.put(&head, &mut content.as_slice()).map_err(|error| self.failed(error.into()))?;
        }
        Ok(String::new())
    }
}

/// The files of the layers of a base. Where it has another shell or none, or a link, there is nothing to add to.
fn found(below: &[LayerRecord], context: &Context) -> Result<Vec<ShellFile>, MakeError> {
    let wanted = |path: &ImagePath| SHELL_FILES.iter().any(|(known, _)| path.as_str() == *known);
    let mut base = Merged::new();
    for record in below {
        let layer = NamedLayer { descriptor: record.descriptor.clone(), diff_id: record.diff_id };
        let limit = imgbuild_oci::unpacked_limit(record.descriptor.size);
        read_layer(&context.layers, &layer, |tar| {
            base.add(&mut LayerReader::new(tar, limit), &wanted).map_err(plain)
        })?;
    }
    Ok(SHELL_FILES.iter().filter_map(|(path, _)| ShellFile::of(&base, path)).collect())
}
