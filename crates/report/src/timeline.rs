//! What a build spent its time on: bars by phase, those that went on at once below one another.

use std::collections::BTreeMap;
use std::time::Duration;

use imgbuild_fetch::Event;
use maud::{Markup, html};

use crate::text::{counted, shown, size};

/// How high a bar is, and from one to the next, in pixels.
const BAR: f64 = 12.0;
const STEP: f64 = 15.0;
/// How many bars of each phase are listed, the longest first.
const LISTED: usize = 10;

/// Something that happened in a build, and how long after its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// How long after the beginning.
    pub after: Duration,
    /// What happened.
    pub event: Event,
}

/// Something that took its time.
#[derive(Debug, Clone, PartialEq)]
struct Span {
    phase: Phase,
    name: String,
    from: f64,
    to: f64,
    bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Locking,
    Downloads,
    Wheels,
    Layers,
    Checks,
    Pushing,
}

impl Phase {
    const ALL: [Self; 6] =
        [Self::Locking, Self::Downloads, Self::Wheels, Self::Layers, Self::Checks, Self::Pushing];

    fn name(self) -> &'static str {
        match self {
            Self::Locking => "locking",
            Self::Downloads => "downloads",
            Self::Wheels => "wheels built from source",
            Self::Layers => "layers made",
            Self::Checks => "checks",
            Self::Pushing => "blobs sent",
        }
    }
}

/// What is under way while events are read.
struct Reading {
    spans: Vec<Span>,
    /// What was begun, by its phase and name.
    begun: BTreeMap<(Phase, String), f64>,
    /// What goes on until something else begins.
    current: Option<(Phase, String, f64)>,
}

impl Reading {
    fn begin(&mut self, phase: Phase, name: &str, at: f64) {
        self.begun.entry((phase, name.to_owned())).or_insert(at);
    }

    fn end(&mut self, phase: Phase, name: &str, at: f64, bytes: u64) {
        if let Some(from) = self.begun.remove(&(phase, name.to_owned())) {
            self.spans.push(Span { phase, name: name.to_owned(), from, to: at, bytes: Some(bytes) });
        }
    }

    /// The wheel that was begun first: projects and files of wheels have different names.
    fn end_wheel(&mut self, file: &str, at: f64, bytes: u64) {
        let wheels = self.begun.iter().filter(|((phase, _), _)| *phase == Phase::Wheels);
        let project = |name: &str| name.replace(['-', '.'], "_").to_lowercase();
        let of = file.split('-').next().unwrap_or(file);
        let named = wheels.clone().find(|((_, name), _)| project(name) == project(of));
        let first = wheels.min_by(|one, other| one.1.total_cmp(other.1));
        if let Some(key) = named.or(first).map(|(key, _)| key.clone()) {
            self.end(Phase::Wheels, &key.1, at, bytes);
        }
    }

    /// What goes on from now; what went on until now has ended.
    fn turn(&mut self, next: Option<(Phase, String)>, at: f64) {
        if let Some((phase, name, from)) = self.current.take() {
            self.spans.push(Span { phase, name, from, to: at, bytes: None });
        }
        self.current = next.map(|(phase, name)| (phase, name, at));
    }

    fn take(&mut self, Timed { after, event }: &Timed) {
        let at = after.as_secs_f64();
        match event {
            Event::Locking { variant } => self.turn(Some((Phase::Locking, variant.clone())), at),
            Event::DownloadStarted { name, .. } => self.begin(Phase::Downloads, name, at),
            Event::DownloadFinished { name, size } => self.end(Phase::Downloads, name, at, *size),
            Event::WheelStarted { name } => self.begin(Phase::Wheels, name, at),
            Event::WheelFinished { name, size } => self.end_wheel(name, at, *size),
            Event::LayersPlanned { .. } => self.turn(None, at),
            Event::LayerStarted { title } => self.begin(Phase::Layers, title, at),
            Event::LayerFinished { title, size, .. } => self.end(Phase::Layers, title, at, *size),
            Event::Checking { run, .. } => self.turn(Some((Phase::Checks, run.join(" "))), at),
            Event::BlobProgressed { digest, .. } => {
                self.turn(None, at);
                self.begin(Phase::Pushing, digest, at);
            }
            Event::BlobPushed { digest, size, .. } => self.end(Phase::Pushing, digest, at, *size),
            _ => {}
        }
    }
}

fn spans(events: &[Timed], seconds: f64) -> Vec<Span> {
    let mut reading = Reading { spans: Vec::new(), begun: BTreeMap::new(), current: None };
    events.iter().for_each(|event| reading.take(event));
    reading.turn(None, seconds);
    let mut spans = reading.spans;
    spans.sort_by(|one, other| one.from.total_cmp(&other.from).then(one.name.cmp(&other.name)));
    spans
}

/// Which of the spans of a phase go on at once: a line for each core or connection that was busy.
fn lines<'a>(spans: &[&'a Span]) -> Vec<Vec<&'a Span>> {
    let mut lines: Vec<Vec<&Span>> = Vec::new();
    for span in spans {
        let free = lines.iter_mut().find(|line| line.last().is_none_or(|last| last.to <= span.from));
        match free {
            Some(line) => line.push(span),
            None => lines.push(vec![span]),
        }
    }
    lines
}

/// The timings of a build that took so many seconds.
pub(crate) fn timeline(events: &[Timed], seconds: f64, id: &str) -> Markup {
    let spans = spans(events, seconds);
    html! {
        section id={ (id) "-timings" } {
            h2 { "Timings" }
            p { "The build took " strong { (format!("{seconds:.1} s")) } "." }
            @if spans.is_empty() { p { "Nothing had to be locked, fetched, made or checked." } }
            @for phase in Phase::ALL {
                @let of: Vec<&Span> = spans.iter().filter(|span| span.phase == phase).collect();
                @if !of.is_empty() { (bars(phase, &of, seconds)) }
            }
        }
    }
}

fn bars(phase: Phase, spans: &[&Span], seconds: f64) -> Markup {
    let lines = lines(spans);
    let begin = spans.iter().map(|span| span.from).fold(f64::INFINITY, f64::min);
    let end = spans.iter().map(|span| span.to).fold(0.0, f64::max);
    let share = |at: f64| format!("{:.2}%", at.max(0.0) * 100.0 / seconds.max(0.001));
    let bytes: u64 = spans.iter().filter_map(|span| span.bytes).sum();
    let mut longest = spans.to_vec();
    longest.sort_by(|one, other| (other.to - other.from).total_cmp(&(one.to - one.from)));
    html! {
        figure.timing {
            figcaption {
                strong { (phase.name()) } ": " (spans.len()) ", " (counted(lines.len(), "at a time", "at a time"))
                ", from " (format!("{begin:.2}")) " s to " (format!("{end:.2}")) " s"
                @if bytes > 0 { ", " (size(bytes)) }
            }
            svg.bars width="100%" height=(lines.len() as f64 * STEP) role="img" aria-label={ "when " (phase.name()) } {
                @for (number, line) in lines.iter().enumerate() {
                    @for span in line {
                        rect class=(format!("phase-{}", phase as u8)) x=(share(span.from)) y=(format!("{:.0}", number as f64 * STEP))
                            width=(share((span.to - span.from).max(seconds / 1000.0))) height=(BAR) rx="2" {
                            title { (shown(&span.name)) ": " (format!("{:.2}", span.to - span.from)) " s" }
                        }
                    }
                }
            }
            details {
                summary { "the longest" }
                ul.plain {
                    @for span in longest.iter().take(LISTED) {
                        li {
                            strong { (format!("{:.2}", span.to - span.from)) " s" } " " (shown(&span.name))
                            @if let Some(bytes) = span.bytes { " (" (size(bytes)) ")" }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64, event: Event) -> Timed {
        Timed { after: Duration::from_millis(millis), event }
    }

    fn download(name: &str, from: u64, to: u64) -> [Timed; 2] {
        let name = name.to_owned();
        let started = Event::DownloadStarted { name: name.clone(), size: None };
        [at(from, started), at(to, Event::DownloadFinished { name, size: 7 })]
    }

    #[test]
    fn what_goes_on_at_once_has_lines_of_its_own() {
        let mut events: Vec<Timed> =
            [download("a", 0, 400), download("b", 100, 200), download("c", 500, 600)].concat();
        events.sort_by_key(|event| event.after);
        events.insert(0, at(0, Event::Locking { variant: "x".into() }));
        events.push(at(600, Event::LayersPlanned { all: 1, missing: 1, bytes: 1 }));
        events
            .push(at(700, Event::Checking { variant: "x".into(), run: vec!["python".into(), "-V".into()] }));
        let spans = spans(&events, 1.0);
        let shown = |span: &Span| format!("{} {} {}-{}", span.phase.name(), span.name, span.from, span.to);
        let all: Vec<String> = spans.iter().map(shown).collect();
        assert_eq!(
            all,
            [
                "downloads a 0-0.4",
                "locking x 0-0.6",
                "downloads b 0.1-0.2",
                "downloads c 0.5-0.6",
                "checks python -V 0.7-1",
            ]
        );
        let downloads: Vec<&Span> = spans.iter().filter(|span| span.phase == Phase::Downloads).collect();
        let lines: Vec<Vec<&str>> = lines(&downloads)
            .iter()
            .map(|line| line.iter().map(|span| span.name.as_str()).collect())
            .collect();
        assert_eq!(lines, [vec!["a", "c"], vec!["b"]]);
    }

    #[test]
    fn a_wheel_is_that_of_its_project() {
        let started = |name: &str| Event::WheelStarted { name: name.to_owned() };
        let finished = |name: &str| Event::WheelFinished { name: name.to_owned(), size: 1 };
        let events = [
            at(0, started("one")),
            at(100, started("two-parts")),
            at(200, finished("two_parts-1.0-py3-none-any.whl")),
            at(300, finished("one-1.0-py3-none-any.whl")),
        ];
        let found: Vec<(String, f64)> = spans(&events, 1.0).into_iter().map(|it| (it.name, it.to)).collect();
        assert_eq!(found, [("one".to_owned(), 0.3), ("two-parts".to_owned(), 0.2)]);
    }
}
