//! The language as its users meet it.

mod bad_base;
mod bad_environment;
mod bad_input;
mod bad_licences;
mod bad_matrix;
mod bad_pip;
mod bad_requirements;
mod bad_services;
mod bad_together;
mod beneath;
mod cuda;
mod docs;
mod environments;
mod inputs;
mod locks;
mod pip;
mod project_parts;
mod property;
mod taken;
mod variants;

use std::io;
use std::path::Path;

use imgbuild_document::DocumentError;
use imgbuild_document::files::Surroundings;
use imgbuild_oci::Platform;
use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::{Spec, Variant, WrongSpec};

/// Loads `spec.toml` out of a table of files. A variable `SET_X` of the environment is `x`, and no other one is set.
pub(super) fn load(files: &[(&str, &str)]) -> Result<Spec, DocumentError> {
    within(files, |surroundings| Spec::load_with(Path::new("spec.toml"), surroundings))
}

/// The same, with all that is wrong with the variants as well.
pub(super) fn load_variants(files: &[(&str, &str)]) -> Result<(Spec, Vec<Variant>), Box<WrongSpec>> {
    let host = Platform::LinuxAmd64;
    within(files, |surroundings| Spec::load_variants_with(Path::new("spec.toml"), host, surroundings))
}

fn within<T>(files: &[(&str, &str)], load: impl FnOnce(Surroundings<'_>) -> T) -> T {
    let read = |path: &Path, limit: usize| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        let (_, text) = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(text.bytes().take(limit).collect())
    };
    let variables = |name: &str| name.strip_prefix("SET_").map(str::to_lowercase);
    load(Surroundings { read: &read, variables: &variables })
}

pub(super) fn variants_of(files: &[(&str, &str)]) -> Vec<Variant> {
    let variants = load(files).and_then(|spec| spec.variants(Platform::LinuxAmd64));
    variants.unwrap_or_else(|error| panic!("{}", render(&error)))
}

/// The variants of a spec that names no files.
pub(super) fn variants(text: &str) -> Vec<Variant> {
    variants_of(&[("spec.toml", text)])
}

/// The whole message, as the binary draws it without colours.
pub(super) fn message_of(files: &[(&str, &str)]) -> String {
    match load(files).and_then(|spec| spec.variants(Platform::LinuxAmd64)) {
        Ok(_) => panic!("this is no mistake: {files:?}"),
        Err(error) => render(&error),
    }
}

pub(super) fn message(text: &str) -> String {
    message_of(&[("spec.toml", text)])
}

fn render(error: &DocumentError) -> String {
    render_in(error, 100)
}

/// In so many columns: a path that is long on one machine is wrapped at another place there.
fn render_in(error: &DocumentError, columns: usize) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(columns);
    let mut out = String::new();
    handler.render_report(&mut out, error).unwrap();
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n")
}
