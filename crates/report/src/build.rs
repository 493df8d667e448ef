//! The page of a build: what it made, what it spent its time on, and how its images differ from those before.

use imgbuild_build::Report;
use imgbuild_fetch::Event;
use imgbuild_image::{Built, Comparison};
use imgbuild_locking::CudaContract;
use maud::{Markup, html};

use crate::changes::changes;
use crate::image::image;
use crate::page::page;
use crate::subject::Subject;
use crate::text::{counted, shown, size, words};
use crate::timeline::{Timed, timeline};

/// What is known of a build.
#[derive(Debug)]
pub struct BuildPage<'a> {
    /// What it made.
    pub report: &'a Report,
    /// What happened, in its order.
    pub events: &'a [Timed],
    /// How long it took.
    pub seconds: f64,
    /// Its images.
    pub images: Vec<BuiltImage<'a>>,
}

/// An image that was built.
#[derive(Debug)]
pub struct BuiltImage<'a> {
    /// The image.
    pub subject: Subject,
    /// What its build says of it.
    pub built: &'a Built,
    /// The image that its tag stood for until now.
    pub previous: Previous,
    /// What it demands of the machines that run it, where it has CUDA.
    pub contract: Option<CudaContract>,
}

/// The image that a tag stood for until now.
#[derive(Debug)]
pub enum Previous {
    /// There was none.
    None,
    /// There was one, and this is how the new one differs.
    Image(Box<Comparison>),
    /// There was one that cannot be read any more, and why.
    Unknown(String),
}

/// The page of a build. Its timings are of that build.
pub fn build_page(build: &BuildPage<'_>) -> String {
    let is_only = build.images.len() == 1;
    let of_build = of_build(build, if is_only { "image-1" } else { "build" });
    let mut places = vec![("timings", "timings"), ("changes", "what changed"), ("checks", "checks")];
    if !is_only {
        places.remove(0);
    }
    let title = match build.images.as_slice() {
        [only] => only.subject.name.clone(),
        images => counted(images.len(), "image built", "images built"),
    };
    let body = html! {
        main {
            @if !is_only {
                header { h1 { (title) } }
                nav aria-label="images" {
                    ul { @for (number, image) in build.images.iter().enumerate() {
                        li { a href={ "#image-" (number + 1) } { (shown(&image.subject.name)) } }
                    } }
                }
                (of_build)
            }
            @for (number, built) in build.images.iter().enumerate() {
                @let id = format!("image-{}", number + 1);
                @let between = html! { @if is_only { (of_build) } (of_image(built, &id)) };
                (image(&built.subject, &id, Some((built.built, built.contract.as_ref())), &between, &places))
            }
        }
    };
    page(&title, &body)
}

/// What holds for all images of a build.
fn of_build(build: &BuildPage<'_>, id: &str) -> Markup {
    let BuildPage { report, events, seconds, .. } = build;
    let layers = report.built.iter().flat_map(|built| &built.layers);
    let (reused, new): (Vec<_>, Vec<_>) = layers.partition(|layer| layer.reused);
    let bytes = |layers: &[&imgbuild_image::BuiltLayer]| {
        layers.iter().map(|it| it.record.descriptor.size).sum::<u64>()
    };
    let downloads = downloads(events);
    let downloaded: u64 = downloads.iter().map(|(_, bytes)| bytes).sum();
    html! {
        section id={ (id) "-build" } {
            h2 { "This build" }
            ul.numbers {
                li { strong { (format!("{seconds:.1} s")) } " " span { "in all" } }
                li { strong { (new.len()) } " " span { "new layers, " (size(bytes(&new))) } }
                li { strong { (reused.len()) } " " span { "reused, " (size(bytes(&reused))) } }
                li { strong { (downloads.len()) } " " span { "downloads, " (size(downloaded)) } }
                li { strong { (size(report.peak_disk)) } " " span { "of disk at most" } }
            }
            @if let Some(changes) = report.changes.as_ref().filter(|changes| !changes.0.is_empty()) {
                p { "The lock was written: " (counted(changes.packages(), "package", "packages")) " changed." }
            }
            @if !report.notes.is_empty() {
                details {
                    summary { (counted(report.notes.len(), "note", "notes")) }
                    ul.plain { @for note in &report.notes { li { (shown(note)) } } }
                }
            }
            @if !downloads.is_empty() {
                details {
                    summary { (counted(downloads.len(), "download", "downloads")) ", " (size(downloaded)) }
                    ul.plain { @for (name, bytes) in &downloads { li { (shown(name)) " (" (size(*bytes)) ")" } } }
                }
            }
        }
        (timeline(events, *seconds, id))
    }
}

/// What was downloaded, the largest first.
fn downloads<'a>(events: &'a [Timed]) -> Vec<(&'a str, u64)> {
    let finished = |timed: &'a Timed| match &timed.event {
        Event::DownloadFinished { name, size } => Some((name.as_str(), *size)),
        _ => None,
    };
    let mut all: Vec<(&'a str, u64)> = events.iter().filter_map(finished).collect();
    all.sort_by(|one, other| (other.1, one.0).cmp(&(one.1, other.0)));
    all
}

/// What a build says of one of its images.
fn of_image(image: &BuiltImage<'_>, id: &str) -> Markup {
    let built = image.built;
    html! {
        section id={ (id) "-changes" } {
            h2 { "What changed" }
            @match &image.previous {
                Previous::None => p { "It is the first image of its tag in this store." },
                Previous::Image(comparison) => {
                    p { "Against the image that its tag stood for before this build:" }
                    (changes(comparison))
                }
                Previous::Unknown(why) => p { "The image that its tag stood for before this build cannot be compared: " (shown(why)) },
            }
        }
        section id={ (id) "-checks" } {
            h2 { "Checks" }
            @if built.checks.is_empty() { p { "None were run." } }
            ul.plain {
                @for check in &built.checks {
                    li {
                        @match &check.skipped {
                            None => { span.mark.good { "passed" } " " code { (shown(&words(&check.run))) } }
                            Some(why) => { span.mark.open { "skipped" } " " code { (shown(&words(&check.run))) } ": " (shown(why)) }
                        }
                    }
                }
            }
            @if !built.messages.is_empty() {
                details {
                    summary { "What packages say to whoever installs them" }
                    @for message in &built.messages { pre tabindex="0" { (shown(message)) } }
                }
            }
        }
    }
}
