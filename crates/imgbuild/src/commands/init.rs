//! `imgbuild init`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_init::{FirstSpec, LeftOut, check_free, draft, first_spec, folder_of, write_spec};
use imgbuild_locking::validate_text;
use miette::Diagnostic;
use serde_json::json;

use super::{context, host, print, print_data, print_json};
use crate::arguments::{Global, InitArguments};
use crate::failure::Failure;
use crate::output::say;
use crate::shown::cleaned;

/// What the spec is called where nobody says otherwise.
const USUAL: &str = "spec.toml";

pub(crate) fn run(arguments: &InitArguments, global: &Global) -> Result<(), Failure> {
    let to_output = arguments.output.as_deref() == Some(Path::new("-"));
    let path = match (&arguments.output, &arguments.from) {
        (Some(path), _) if !to_output => path.clone(),
        (_, Some(from)) => folder_of(from).join(USUAL),
        _ => PathBuf::from(USUAL),
    };
    if !to_output {
        check_free(&path, arguments.force)?;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let spec = match &arguments.from {
        Some(from) => settled(from, folder, &path)?,
        None => FirstSpec { text: first_spec(folder), left_out: Vec::new() },
    };
    if !to_output {
        write_spec(&path, &spec.text, arguments.force)?;
    }
    if arguments.json {
        let left_out = |it: &LeftOut| json!({ "place": it.place, "what": it.what, "reason": it.reason });
        let left_out: Vec<_> = spec.left_out.iter().map(left_out).collect();
        let text = to_output.then_some(&spec.text);
        return print_json(&json!({ "spec": path, "text": text, "leftOut": left_out }));
    }
    if !global.quiet {
        let line = |it: &LeftOut| format!("not taken over: {}: {}\n  {}\n", it.place, it.what, it.reason);
        say(&cleaned(&spec.left_out.iter().map(line).collect::<String>()));
    }
    if to_output {
        return print_data(&spec.text);
    }
    print(&format!("{}\n", path.display()))
}

/// The spec that a file makes, without what is wrong in one.
fn settled(from: &Path, folder: &Path, path: &Path) -> Result<FirstSpec, Failure> {
    let host = host()?;
    // What this machine lacks is told when something is built.
    let context = context(path, true, Arc::new(imgbuild_fetch::Silent)).ok();
    let check = |text: &str| {
        let wrong = |error| Box::new(error) as Box<dyn Diagnostic + Send + Sync>;
        validate_text(path, text, host, context.as_ref()).map_err(wrong)
    };
    let draft = draft(from, folder)?;
    draft.settle(&path.display().to_string(), &check).map_err(Failure::of)
}
