//! What an image may not need.

use imgbuild_inventory::Waste;
use maud::{Markup, PreEscaped, html};

use crate::subject::Subject;
use crate::text::{counted, shown, size};

/// How many packages are named.
const NAMED: usize = 6;

/// What an image may not need, with what of a spec leaves it out.
pub(crate) fn waste(subject: &Subject, id: &str) -> Markup {
    html! {
        section id={ (id) "-waste" } {
            h2 { "What may not be needed" }
            @if subject.waste.is_empty() { p { "Nothing of what is looked for." } }
            ul.plain {
                @for Waste { what, bytes, count, of, remedy } in &subject.waste {
                    li {
                        strong { (size(*bytes)) } " of " (what) " (" (count) ")"
                        @if !of.is_empty() {
                            ": "
                            (shown(&of.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ")))
                            @if of.len() > NAMED { " and " (counted(of.len() - NAMED, "more", "more")) }
                        }
                        br;
                        span.remedy { "→ " (marked(remedy)) }
                    }
                }
            }
        }
    }
}

/// A text of ours with code between backticks.
pub(crate) fn marked(text: &str) -> Markup {
    let parts = text.split('`').enumerate();
    let parts: Vec<Markup> = parts
        .map(|(number, part)| {
            if number % 2 == 1 {
                html! { code { (part) } }
            } else {
                html! { (part) }
            }
        })
        .collect();
    PreEscaped(parts.into_iter().map(PreEscaped::into_string).collect())
}
