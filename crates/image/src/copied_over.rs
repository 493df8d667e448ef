//! Copied files with sources of Python among them: these have bytecode, and may lie over others that have some.

use imgbuild_archive::ImagePath;
use imgbuild_copies::Copies;
use imgbuild_ecosystem::Execution;
use imgbuild_fetch::Context;
use imgbuild_layer::{EntrySink, Exclusions, KeyHasher, LayerError, Part, RecipeHash, Role, Source};
use imgbuild_python::Target;
use imgbuild_store::LayerRecord;

use crate::bytecode_below::{keyed, over};
use crate::derived::{Derived, Foundation};
use crate::error::{MakeError, MakeFailure};

/// Copied files, above the packages and the base whose sources they may lie over.
pub(crate) struct CopiedOver {
    part: Part,
    copies: Copies,
    targets: Vec<Target>,
    /// Whether packages may have sources where some are copied.
    over_packages: bool,
}

impl CopiedOver {
    /// The copies of an image that has everything else. `may_hold` says whether packages may have a source at a path.
    pub(crate) fn new(copies: Copies, image: &Foundation<'_>, may_hold: impl Fn(&ImagePath) -> bool) -> Self {
        let targets = image.targets.to_vec();
        let over_packages = sources(&copies).any(may_hold);
        let mut part = copies.part().clone();
        let mut hasher = KeyHasher::new("copied over").field("copies", part.recipe.0.as_bytes());
        hasher = keyed(hasher, &targets);
        if over_packages {
            hasher = image.key(hasher, |role| role != Role::COPY);
        } else if !image.base.is_empty() {
            hasher = hasher.list("base", &image.base);
        }
        part.recipe = RecipeHash(hasher.finish());
        Self { part, copies, targets, over_packages }
    }
}

/// The paths that matter to bytecode: those of sources and of bytecode itself.
pub(crate) fn sources(copies: &Copies) -> impl Iterator<Item = &ImagePath> {
    copies
        .paths()
        .filter(|path| path.as_str().ends_with(".py") || imgbuild_python::Cached::of(path).is_some())
}

impl Derived for CopiedOver {
    fn part(&self) -> &Part {
        &self.part
    }

    fn stands_on(&self, role: Role) -> bool {
        self.over_packages && role != Role::COPY
    }

    fn execution(&self) -> Option<Execution> {
        None
    }

    fn write(
        &self,
        lower: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<String, MakeError> {
        let emit = |left_out: &Exclusions, sink: &mut dyn EntrySink| self.copies.write(left_out, sink);
        let written = over(lower, &self.targets, context, |overriding| overriding.write(&emit, sink));
        let failed = |error| LayerError::Part { part: self.part.id.clone(), error };
        written.map_err(|error| MakeFailure::Layer(Box::new(failed(error))))?;
        Ok(String::new())
    }
}
