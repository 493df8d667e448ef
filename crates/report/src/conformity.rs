//! Which platforms will run an image, by what can be seen of it.

use imgbuild_conform::{Line, Verdict, terms};
use maud::{Markup, html};

use crate::subject::Subject;
use crate::text::shown;
use crate::waste::marked;

/// The demands of one platform.
struct Platform<'a> {
    lines: Vec<&'a Line>,
}

impl Platform<'_> {
    fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.verdict.word() == word).count()
    }

    /// What it comes to, in a word and as a class.
    fn word(&self) -> (&'static str, &'static str) {
        match (self.count("fails"), self.count("unknown")) {
            (0, 0) => ("conforms", "good"),
            (0, _) => ("conforms as far as can be seen", "good"),
            _ => ("does not conform", "bad"),
        }
    }
}

/// The platforms, each with the demands that do not hold or cannot be seen.
pub(crate) fn conformity(subject: &Subject, id: &str) -> Markup {
    let mut platforms: Vec<Platform<'_>> = Vec::new();
    for line in &subject.conformity {
        match platforms
            .last_mut()
            .filter(|it| it.lines.first().is_some_and(|it| it.contract == line.contract))
        {
            Some(platform) => platform.lines.push(line),
            None => platforms.push(Platform { lines: vec![line] }),
        }
    }
    html! {
        section id={ (id) "-platforms" } {
            h2 { "Platforms" }
            p { "What platforms demand of images, as far as it can be seen without running this one; " code { "imgbuild conform" } " runs it as well." }
            @for platform in &platforms { (shown_platform(platform)) }
        }
    }
}

fn shown_platform(platform: &Platform<'_>) -> Markup {
    let Some(first) = platform.lines.first() else { return html! {} };
    let (word, class) = platform.word();
    let all = platform.lines.len() - platform.count("other");
    html! {
        details {
            summary {
                span class={ "mark " (class) } { (word) } " "
                strong { (terms(first.contract).title) }
                " · " (platform.count("holds")) " of " (all) " demands hold"
            }
            ul.plain {
                @for line in platform.lines.iter().filter(|line| line.verdict.word() != "other") {
                    li {
                        span class={ "mark " (class_of(&line.verdict)) } { (line.verdict.word()) } " "
                        (marked(line.demand.says)) " (" (shown(line.verdict.found())) ")"
                        @if matches!(line.verdict, Verdict::Fails(_) | Verdict::Advised(_)) {
                            br; span.remedy { "→ " (marked(line.demand.advice)) }
                        }
                    }
                }
            }
        }
    }
}

fn class_of(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Holds(_) => "good",
        Verdict::Fails(_) => "bad",
        Verdict::Advised(_) | Verdict::Unknown(_) | Verdict::Other(_) => "open",
    }
}
