//! How containers of an image are started, what it stands on, what it demands of drivers, what ran while it was made.

use imgbuild_image::{Built, Inspection, wasted_bytes};
use imgbuild_locking::CudaContract;
use maud::{Markup, html};

use crate::subject::Subject;
use crate::text::{counted, shown, size, words};

/// What is to be said of an image, each with its name.
pub(crate) fn facts(inspection: &Inspection) -> Vec<(&'static str, String)> {
    let config = &inspection.config;
    let mut facts = vec![("digest", inspection.digest.to_string())];
    facts.push(("platform", inspection.platform.to_string()));
    facts.extend(inspection.created.map(|it| ("created", it.to_string())));
    facts.extend(inspection.system.as_ref().map(|system| {
        let words = [Some(&system.id), system.version.as_ref(), system.codename.as_ref()];
        ("system", words.into_iter().flatten().cloned().collect::<Vec<_>>().join(" "))
    }));
    facts.extend(inspection.base.as_ref().map(|base| {
        let name = base.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        ("base", format!("{name}{}", base.digest))
    }));
    facts.extend(inspection.environments.iter().map(|environment| {
        let python = environment.python.as_ref().map(|version| format!("Python {version}"));
        let count = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
        let parts = [python, count(environment.conda, "of conda"), count(environment.pypi, "of PyPI")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        ("environment", format!("{}: {}", environment.prefix, parts.join(", ")))
    }));
    facts.push(("user", if config.user.is_empty() { "root".to_owned() } else { config.user.clone() }));
    let start = words(&[config.entrypoint.as_slice(), config.cmd.as_slice()].concat());
    facts.push(("starts", if start.is_empty() { "nothing".to_owned() } else { start }));
    let text = |name, value: &String| (!value.is_empty()).then(|| (name, value.clone()));
    facts.extend(text("working folder", &config.working_dir));
    facts.extend(text("stop signal", &config.stop_signal));
    facts.extend(config.exposed_ports.keys().map(|port| ("port", port.clone())));
    facts.extend(config.volumes.keys().map(|path| ("volume", path.clone())));
    facts.extend(config.healthcheck.as_ref().map(|it| ("health check", words(&it.test))));
    facts.extend(
        inspection
            .lock
            .iter()
            .map(|lock| ("lock", format!("{}, format version {}", lock.digest, lock.format_version))),
    );
    let lock = inspection.lock.iter();
    facts.extend(
        lock.flat_map(|lock| lock.keys.iter().map(|(key, value)| ("matrix", format!("{key} = {value}")))),
    );
    facts
}

/// The configuration of an image.
pub(crate) fn configuration(subject: &Subject, id: &str) -> Markup {
    let config = &subject.inspection.config;
    html! {
        section id={ (id) "-configuration" } {
            h2 { "Configuration" }
            dl {
                @for (what, value) in facts(&subject.inspection) { dt { (what) } dd { (shown(&value)) } }
            }
            @if !config.env.is_empty() {
                details {
                    summary { (counted(config.env.len(), "variable", "variables")) }
                    ul.plain { @for variable in &config.env { li { code { (shown(variable)) } } } }
                }
            }
            @if !config.labels.is_empty() {
                details {
                    summary { (counted(config.labels.len(), "label", "labels")) }
                    ul.plain { @for (name, value) in &config.labels { li { code { (shown(name)) "=" (shown(value)) } } } }
                }
            }
        }
    }
}

/// What an image demands of the machines that run it, where it has CUDA.
pub(crate) fn cuda(subject: &Subject, id: &str, built: Option<(&Built, Option<&CudaContract>)>) -> Markup {
    let Some(cuda) = &subject.inspection.cuda else { return html! {} };
    html! {
        section id={ (id) "-cuda" } {
            h2 { "CUDA" }
            dl {
                dt { "version" }
                dd {
                    (shown(cuda.version.as_deref().unwrap_or("not said")))
                    @if let Some(package) = &cuda.package { ", as " (shown(package)) " says" }
                }
                dt { "demands of the driver" }
                dd { (shown(cuda.requires.as_deref().unwrap_or("nothing that it says"))) }
                @for (what, value) in built.and_then(|it| it.1).map(contract).unwrap_or_default() {
                    dt { (what) } dd { (shown(&value)) }
                }
            }
            @if let Some((built, _)) = built.filter(|(built, _)| !built.cuda_duplicates.is_empty()) {
                p { "Libraries that are there twice, " (size(wasted_bytes(&built.cuda_duplicates))) " too many:" }
                ul.plain {
                    @for duplicate in &built.cuda_duplicates {
                        li {
                            (shown(&duplicate.library)) ": "
                            @for copy in &duplicate.copies { (shown(&copy.package)) " (" (shown(copy.from)) ", " (size(copy.bytes)) ") " }
                        }
                    }
                }
            }
        }
    }
}

/// What a build knows of the machines that run an image.
fn contract(contract: &CudaContract) -> Vec<(&'static str, String)> {
    let CudaContract { version, built, driver, driver_supports, compat, arch, glibc, glibc_needed, .. } =
        contract;
    let mut all = vec![("the spec's version", version.clone())];
    all.extend(built.as_ref().map(|it| ("packages built for", it.clone())));
    all.push(("oldest driver", format!("{driver}, which supports CUDA {driver_supports}")));
    all.extend(compat.then(|| ("older drivers", "it brings libraries for them".to_owned())));
    all.extend((!arch.is_empty()).then(|| ("kernels for", arch.join(", "))));
    all.extend(glibc.as_ref().map(|it| ("its C library", it.clone())));
    all.extend(glibc_needed.as_ref().map(|it| ("C library that packages need", it.clone())));
    all
}

/// What ran in the sandbox while an image was made: by its lock, or as its build says it.
pub(crate) fn ran(subject: &Subject, id: &str, built: Option<&Built>) -> Markup {
    let of_build = built.map(|built| {
        let shown = |it: &imgbuild_image::Execution| format!("{}: {}", it.what, it.of.join(", "));
        built.executions.iter().map(shown).collect::<Vec<_>>()
    });
    let all = of_build.unwrap_or_else(|| subject.inspection.ran.clone());
    html! {
        section id={ (id) "-ran" } {
            h2 { "What ran in the sandbox" }
            @if subject.inspection.lock.is_none() {
                p { "The image has no lock, and does not say it." }
            } @else if all.is_empty() {
                p { "Nothing but the compiler of Python's bytecode: no code of a package." }
            }
            ul.plain { @for ran in &all { li { (shown(ran)) } } }
        }
    }
}
