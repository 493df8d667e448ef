//! `imgbuild export`.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

use imgbuild_export::{ExportError, Format, Locations, export};
use imgbuild_fetch::in_each_environment;
use imgbuild_folder::Folder;
use imgbuild_image::{locate_wheels, variant_name};
use imgbuild_locking::{Purpose, known_lock, lock_path};
use imgbuild_spec::Variant;

use super::{context, print_data, read_spec};
use crate::arguments::Global;
use crate::export_arguments::ExportArguments;
use crate::failure::{Failure, Plain};
use crate::output::say;
use crate::progress::reporter;
use crate::shown::cleaned;

pub(crate) async fn run(arguments: &ExportArguments, global: &Global) -> Result<(), Failure> {
    let (spec, variants) = read_spec(&arguments.spec, Purpose::Lock)?;
    let context = context(&arguments.spec, arguments.offline, reporter(global))?;
    let locked = known_lock(&variants, &lock_path(&arguments.spec))?;
    let locked = locked.ok_or_else(|| ExportError::NoLock { spec: spec.file().to_owned() })?;
    let format: Format = arguments.format.into();
    let (mut chosen, mut locations) = (Vec::new(), Locations::new());
    let (mut others, mut found_image) = (BTreeSet::new(), false);
    let environment = arguments.environment.as_deref();
    for (locked, variant) in locked.lock.locked_variants().map_err(Plain::from)?.into_iter().zip(&variants) {
        let has_keys = arguments.only.iter().all(|(key, value)| variant.keys.get(key) == Some(value));
        let has_platform = arguments.platform.is_empty() || arguments.platform.contains(&variant.platform);
        if has_keys && has_platform {
            let all = in_each_environment(&locked, variant);
            let is_asked =
                |it: &&(_, Variant)| it.1.environment.as_ref().map(|name| name.as_str()) == environment;
            others
                .extend(all.iter().filter_map(|(_, it)| it.environment.as_ref()).map(|it| format!("`{it}`")));
            found_image = true;
            chosen.extend(all.iter().find(is_asked).cloned());
        }
    }
    if let Some(name) = environment.filter(|_| found_image && chosen.is_empty()) {
        let (name, environments) = (name.to_owned(), others.into_iter().collect());
        return Err(ExportError::NoEnvironment { name, environments }.into());
    }
    if chosen.is_empty() {
        let variants = variants.iter().map(|variant| format!("`{}`", variant_name(variant))).collect();
        return Err(ExportError::None { variants }.into());
    }
    // One that holds too much asks nobody.
    if format.names_locations() && (format.holds_several() || chosen.len() == 1) {
        for (locked, variant) in &chosen {
            locations.extend(locate_wheels(locked, variant, &context).await?);
        }
    }
    let chosen: Vec<_> =
        chosen.into_iter().map(|(locked, variant)| (variant_name(&variant), locked)).collect();
    let written = export(&chosen, format, &locations)?;
    drop(context);
    if !global.quiet {
        let other = others.iter().filter(|_| environment.is_none());
        let other = other.map(|name| format!("the environment {name}, which `--environment` names"));
        let left_out = written.left_out.iter().cloned().chain(other);
        let notes = left_out.map(|it| format!("note: not in it: {it}\n"));
        say(&cleaned(&notes.collect::<String>()));
    }
    match &arguments.output {
        Some(path) => write(path, &written.text).map_err(|error| {
            let file = path.display().to_string();
            Plain::Write { file, error }.into()
        }),
        None => print_data(&written.text),
    }
}

/// Writes a file: whole, or not at all.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidFilename)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Folder::open(folder)?.write(name, |file| file.write_all(text.as_bytes()))
}
