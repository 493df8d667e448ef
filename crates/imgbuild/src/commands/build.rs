//! `imgbuild build`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use imgbuild_build::{Report, Request, build};
use imgbuild_fetch::Vendor;
use imgbuild_image::{Built, CudaCopy, CudaDuplicate, Delivered, Output, wasted_bytes};
use imgbuild_locking::Purpose;
use imgbuild_shard::Shard;
use serde_json::{Value, json};

use super::report::MadePage;
use super::{context, keep_within_size, print, print_json, read_spec, shard};
use crate::arguments::{BuildArguments, Global};
use crate::failure::Failure;
use crate::output::say;
use crate::page_file::PageFile;
use crate::progress::reporter;
use crate::pushing;
use crate::recording::Recorder;
use crate::registry_arguments::PushRules;
use crate::shown::cleaned;
use crate::stream;
use crate::words::{shortened, size, table};

pub(crate) async fn run(arguments: &BuildArguments, global: &Global) -> Result<(), Failure> {
    let start = Instant::now();
    // What an image copies that is not asked for need not be there.
    let all = arguments.only.is_empty() && arguments.platform.is_empty();
    let shard = arguments.shard.map(shard).transpose()?;
    let (spec, variants) = read_spec(&arguments.spec, if all { Purpose::Build } else { Purpose::Lock })?;
    // A page that cannot be written is better told before the build than after it.
    let page = arguments.report.as_deref().map(PageFile::create).transpose()?;
    let recorder = Arc::new(Recorder::new(reporter(global)));
    let vendor = arguments.vendor.as_deref().map(Vendor::open).transpose()?;
    let mut context = context(&arguments.spec, arguments.offline || vendor.is_some(), recorder.clone())?;
    context.vendor = vendor.map(Arc::new);
    context.discards_archives = arguments.discard_archives;
    let request = Request {
        output: stream::output(arguments, arguments.format.into())?,
        format: arguments.format.into(),
        locked: arguments.locked || context.vendor.is_some(),
        only: arguments.only.iter().cloned().collect(),
        platforms: arguments.platform.clone(),
        shard,
        unchecked: arguments.no_check,
        publishing: arguments.rules.publishing(&arguments.push, arguments.tags.platform_tags)?,
        provenance: arguments.provenance.map(Into::into),
        cache_from: arguments.caches.cache_from(),
        shared: arguments.caches.shared()?,
    };
    let report = build(&spec, &arguments.spec, &request, &context).await?;
    drop(context);
    // What this build used is now what was used last.
    keep_within_size(global)?;
    let is_stream = matches!(request.output, Some(Output::Stream(_)));
    let seconds = start.elapsed().as_secs_f64();
    if let Some(page) = page {
        let made = MadePage { report: &report, events: &recorder.events(), seconds, spec: &arguments.spec };
        made.write(&variants, page, global).await?;
    }
    if arguments.json {
        return print_json(&as_json(&report, shard, seconds));
    }
    if !global.quiet {
        say(&cleaned(&notes(&report, shard)));
        say(&cleaned(&summary(&report, &arguments.rules, seconds)));
    }
    if is_stream {
        return Ok(());
    }
    let paths = report.delivered.iter().map(|delivered| format!("{}\n", delivered.path.display()));
    let pushed = report.published.iter().flat_map(pushing::references);
    print(&paths.chain(pushed.map(|reference| format!("{reference}\n"))).collect::<String>())
}

/// What a person should know and that did not stop the build.
fn notes(report: &Report, shard: Option<Shard>) -> String {
    let mut text = shard.map(|shard| of_shard(report, shard)).unwrap_or_default();
    if let Some(changes) = report.changes.as_ref().filter(|changes| !changes.0.is_empty()) {
        text.push_str(&format!(
            "wrote {} ({} packages changed)\n",
            report.lock.display(),
            changes.packages()
        ));
    }
    text.extend(report.notes.iter().map(|note| format!("note: {note}\n")));
    for built in &report.built {
        for (loser, path, winner) in &built.excluded {
            text.push_str(&format!(
                "note: `{path}` is in `{loser}` and in `{winner}`; the image has that of `{winner}`\n"
            ));
        }
        text.push_str(&of_cuda(built));
        for note in built.layers.iter().flat_map(|layer| &layer.record.notes) {
            text.push_str(&format!("note: {note}\n"));
        }
        for execution in &built.executions {
            let (what, of) = (&execution.what, execution.of.join(", "));
            text.push_str(&format!("note: ran in the sandbox: {what}: {of}\n"));
        }
        for messages in &built.messages {
            text.push_str(&format!("note: the post-link scripts say:\n{}", indented(messages)));
        }
        for check in &built.checks {
            if let Some(reason) = &check.skipped {
                let run = check.run.join(" ");
                text.push_str(&format!(
                    "note: the check `{run}` of `{}` was skipped: {reason}\n",
                    built.name
                ));
            }
        }
        if built.is_open {
            text.push_str(&format!(
                "note: on its platform, Jupyter of `{}` has no token: the platform authenticates before it; publish its port nowhere else\n",
                built.name
            ));
        }
        if built.no_init {
            text.push_str(&format!(
                "note: nothing in the base of `{}` reaps processes and forwards signals as process 1; with the conda package `tini` it starts by that\n",
                built.name
            ));
        }
        for (package, script) in &built.dynamic {
            text.push_str(&format!(
                "note: `{script}` of `{package}` does more than set variables: it holds for the entrypoint, login shells and bash, not for other programs that `exec` starts\n"
            ));
        }
    }
    text
}

/// How much of the images is this machine's.
fn of_shard(report: &Report, shard: Shard) -> String {
    match (report.built.len(), report.chosen) {
        (0, all) => format!(
            "note: shard {shard} has none of the {all} images: the others have them all, and would not be done sooner with its help\n"
        ),
        (own, all) => format!("note: shard {shard} has {own} of {all} images\n"),
    }
}

/// CUDA's libraries that come twice, and wheels of them that hold nothing.
fn of_cuda(built: &Built) -> String {
    let mut text = String::new();
    if !built.cuda_duplicates.is_empty() {
        let line = |duplicate: &CudaDuplicate| {
            let copy = |copy: &CudaCopy| format!("`{}` ({}, {})", copy.package, copy.from, size(copy.bytes));
            let copies: Vec<String> = duplicate.copies.iter().map(copy).collect();
            format!("  {}: {}\n", duplicate.library, copies.join(", "))
        };
        text.push_str(&format!(
            "note: `{}` has libraries of CUDA twice, {} too many:\n",
            built.name,
            size(wasted_bytes(&built.cuda_duplicates))
        ));
        text.extend(built.cuda_duplicates.iter().map(line));
    }
    for stub in &built.cuda_stubs {
        text.push_str(&format!(
            "note: the wheel `{stub}` is an empty stub: the library has another name, for CUDA 13 one without `-cu13`\n"
        ));
    }
    text
}

/// Text of a package, each line indented, without what a terminal would act on.
fn indented(text: &str) -> String {
    let shown = |it: &char| !it.is_control() || *it == '\t';
    text.lines()
        .map(|line| format!("  {}\n", line.chars().filter(shown).collect::<String>().trim_end()))
        .collect()
}

fn summary(report: &Report, rules: &PushRules, seconds: f64) -> String {
    let mut text = String::new();
    for built in &report.built {
        text.push_str(&format!("\n{}\n{}", built.name, layers(built)));
        text.push_str(&format!(
            "  {} in {} layers, {}\n",
            size(built.image.size()),
            built.layers.len(),
            built.image.digest()
        ));
    }
    for delivered in report.delivered.iter().filter(|delivered| delivered.path != Path::new("-")) {
        text.push_str(&how_to_run(delivered));
    }
    text.push_str(&pushing::summary(&report.published, report.attested, rules.dry_run));
    // Records of what is there already are not worth a word.
    let disk = match report.peak_disk {
        ..1_000_000 => String::new(),
        bytes => format!(", with {} of disk at most", size(bytes)),
    };
    text.push_str(&format!("\nbuilt in {seconds:.1} s{disk}\n"));
    text
}

fn layers(built: &Built) -> String {
    let row = |layer: &imgbuild_image::BuiltLayer| {
        let state = if layer.reused { "reused" } else { "new" };
        vec![shortened(&layer.title, 60), size(layer.record.descriptor.size), state.to_owned()]
    };
    table(&built.layers.iter().map(row).collect::<Vec<_>>())
}

fn how_to_run(delivered: &Delivered) -> String {
    let path = delivered.path.display();
    let Some(reference) = delivered.references.first() else { return String::new() };
    if delivered.path.is_dir() {
        let tag = reference.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        return format!(
            "\n{path}: an OCI layout\n  copy: skopeo copy oci:{path}{tag} docker://REGISTRY/{reference}\n"
        );
    }
    // What it serves is reached from this machine alone.
    let ports = delivered.images.first().map(|image| image.head().config.exposed_ports.keys());
    let tcp: Vec<&str> = ports.into_iter().flatten().filter_map(|port| port.strip_suffix("/tcp")).collect();
    let published: String = tcp.iter().map(|port| format!(" -p {port}")).collect();
    let ports: String = tcp.iter().map(|port| format!(" -p 127.0.0.1:{port}:{port}")).collect();
    format!(
        "\n{path}\n  run:  imgbuild run{published} {reference}\n  load: docker load -i {path}\n        docker run --rm -it{ports} {reference}\n"
    )
}

fn as_json(report: &Report, shard: Option<Shard>, seconds: f64) -> Value {
    let layer = |layer: &imgbuild_image::BuiltLayer| {
        json!({
            "title": layer.title,
            "digest": layer.record.descriptor.digest,
            "diffId": layer.record.diff_id,
            "size": layer.record.descriptor.size,
            "uncompressedSize": layer.record.size,
            "reused": layer.reused,
        })
    };
    let copy = |copy: &CudaCopy| json!({ "from": copy.from, "package": copy.package, "bytes": copy.bytes });
    let duplicate = |it: &CudaDuplicate| json!({ "library": it.library, "copies": it.copies.iter().map(copy).collect::<Vec<_>>() });
    let image = |built: &Built| {
        json!({
            "name": built.name,
            "platform": built.platform,
            "digest": built.image.digest(),
            "size": built.image.size(),
            "layers": built.layers.iter().map(layer).collect::<Vec<_>>(),
            "excluded": built.excluded.iter().map(|(part, path, winner)| json!({
                "part": part, "path": path, "winner": winner,
            })).collect::<Vec<_>>(),
            "cudaDuplicates": built.cuda_duplicates.iter().map(duplicate).collect::<Vec<_>>(),
            "cudaDuplicatedBytes": wasted_bytes(&built.cuda_duplicates),
            "cudaStubs": built.cuda_stubs,
            "notes": built.layers.iter().flat_map(|layer| &layer.record.notes).collect::<Vec<_>>(),
            "executions": built.executions.iter().map(|execution| json!({
                "what": execution.what, "of": execution.of,
            })).collect::<Vec<_>>(),
            "messages": built.messages,
            "dynamicActivation": built.dynamic.iter().map(|(package, script)| json!({
                "package": package, "script": script,
            })).collect::<Vec<_>>(),
            "checks": built.checks.iter().map(|check| json!({
                "run": check.run, "skipped": check.skipped,
            })).collect::<Vec<_>>(),
        })
    };
    let output = |delivered: &Delivered| {
        json!({
            "path": delivered.path,
            "written": delivered.is_written,
            "references": delivered.references.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "digests": delivered.images.iter().map(imgbuild_oci::Image::digest).collect::<Vec<_>>(),
        })
    };
    json!({
        "images": report.built.iter().map(image).collect::<Vec<_>>(),
        "outputs": report.delivered.iter().map(output).collect::<Vec<_>>(),
        "pushed": report.published.iter().map(pushing::as_json).collect::<Vec<_>>(),
        "attested": report.attested.map(pushing::attested_as_json),
        "shard": shard.map(|shard| json!({ "shard": shard.to_string(), "of": report.chosen })),
        "notes": report.notes,
        "lock": report.lock,
        "lockWritten": report.changes.is_some(),
        "peakDisk": report.peak_disk,
        "seconds": (seconds * 1000.0).round() / 1000.0,
    })
}
