//! Treemaps: squares of two levels, whose areas are bytes. They are there without a script, as wide as the screen.
//!
//! Across, everything is a part of the width; down, it is pixels. So text has its size on every screen, and nothing is styled in place.

use maud::{Markup, html};
use streemap::{Rect, squarify};

use crate::text::shown;

/// The width for which squares are squares.
const WIDTH: f64 = 1000.0;
/// The height of a group's name.
const HEAD: f64 = 18.0;
/// What is smaller than this in each direction has no text, in pixels.
const TEXT: (f64, f64) = (34.0, 14.0);
/// Squares that are larger than this in each direction show what they are made of, in pixels.
const LARGE: (f64, f64) = (110.0, 90.0);
/// The area below which cells are drawn as one, in pixels.
const SMALLEST: f64 = 36.0;

/// Squares that belong together.
pub(crate) struct Group {
    pub(crate) label: String,
    /// What is said of it to whoever points at it or hears it.
    pub(crate) about: String,
    pub(crate) class: &'static str,
    /// Where a click leads.
    pub(crate) target: Option<String>,
    /// The figure that takes this one's place when it is clicked.
    pub(crate) zoom: Option<String>,
    pub(crate) cells: Vec<Cell>,
}

/// A square.
pub(crate) struct Cell {
    pub(crate) label: String,
    pub(crate) about: String,
    pub(crate) class: &'static str,
    pub(crate) bytes: u64,
    /// What it is made of, for where there is room to show it.
    pub(crate) parts: Vec<Cell>,
}

impl Group {
    fn bytes(&self) -> u64 {
        self.cells.iter().map(|cell| cell.bytes).sum()
    }
}

/// Draws groups of squares, so many pixels high.
pub(crate) fn treemap(about: &str, groups: &[Group], height: f64) -> Markup {
    let mut groups: Vec<&Group> = groups.iter().filter(|group| group.bytes() > 0).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.bytes()));
    let places = places(groups.iter().map(|group| group.bytes()), frame(0.0, 0.0, WIDTH, height));
    html! {
        svg.map width="100%" height=(height) role="group" aria-label=(shown(about)) {
            @for (group, place) in groups.iter().zip(places) {
                @match &group.target {
                    Some(target) => a href={ "#" (target) } data-zoom=[group.zoom.as_deref()] aria-label=(shown(&group.about)) {
                        (drawn(group, place))
                    },
                    None => g { (drawn(group, place)) },
                }
            }
        }
    }
}

fn drawn(group: &Group, place: Rect<f64>) -> Markup {
    let has_head = place.w >= TEXT.0 && place.h >= HEAD * 2.0;
    let head = if has_head { HEAD } else { 0.0 };
    let inner = frame(place.x, place.y + head, place.w, place.h - head);
    html! {
        @if has_head {
            (square(&group.label, &group.about, group.class, frame(place.x, place.y, place.w, HEAD)))
        }
        (squares(&group.cells, inner))
        rect.edge x=(across(place.x)) y=(down(place.y)) width=(across(place.w)) height=(down(place.h)) {}
    }
}

/// Draws the squares of a group: those that nobody could see are one.
fn squares(cells: &[Cell], place: Rect<f64>) -> Markup {
    let mut sorted: Vec<&Cell> = cells.iter().filter(|cell| cell.bytes > 0).collect();
    sorted.sort_by_key(|cell| std::cmp::Reverse(cell.bytes));
    let all: u64 = sorted.iter().map(|cell| cell.bytes).sum();
    let area = |bytes: u64| place.w * place.h * bytes as f64 / all.max(1) as f64;
    let seen = sorted.partition_point(|cell| area(cell.bytes) >= SMALLEST).max(1).min(sorted.len());
    let rest: u64 = sorted[seen..].iter().map(|cell| cell.bytes).sum();
    let count = sorted.len() - seen;
    let sizes = sorted[..seen].iter().map(|cell| cell.bytes).chain((rest > 0).then_some(rest));
    let places = places(sizes, place);
    html! {
        @for (cell, place) in sorted[..seen].iter().zip(&places) {
            (square(&cell.label, &cell.about, cell.class, *place))
            @if cell.parts.len() > 1 && place.w >= LARGE.0 && place.h >= LARGE.1 {
                (squares(&cell.parts, frame(place.x, place.y + HEAD, place.w, place.h - HEAD)))
            }
        }
        @if rest > 0 {
            @if let Some(place) = places.last() {
                (square(&format!("+{count}"), &format!("{count} smaller ones"), "none", *place))
            }
        }
    }
}

fn square(label: &str, about: &str, class: &str, Rect { x, y, w, h }: Rect<f64>) -> Markup {
    if w < TEXT.0 || h < TEXT.1 {
        return html! {
            rect class=(class) x=(across(x)) y=(down(y)) width=(across(w)) height=(down(h)) { title { (shown(about)) } }
        };
    }
    html! {
        svg x=(across(x)) y=(down(y)) width=(across(w)) height=(down(h)) {
            title { (shown(about)) }
            rect class=(class) width="100%" height="100%" {}
            text x="4" y=(if h < 18.0 { "11" } else { "13" }) { (shown(label)) }
        }
    }
}

/// Where squares of these areas are, which are sorted, the largest first.
fn places(bytes: impl Iterator<Item = u64>, place: Rect<f64>) -> Vec<Rect<f64>> {
    let mut all: Vec<(f64, Rect<f64>)> =
        bytes.map(|bytes| (bytes as f64, frame(0.0, 0.0, 0.0, 0.0))).collect();
    if !all.is_empty() && place.w > 0.0 && place.h > 0.0 {
        squarify(place, &mut all, |it| it.0, |it, place| it.1 = place);
    }
    all.into_iter().map(|(_, place)| place).collect()
}

fn frame(x: f64, y: f64, w: f64, h: f64) -> Rect<f64> {
    Rect { x, y, w, h }
}

/// A part of the width. Two digits are a fifth of a pixel.
fn across(pixels: f64) -> String {
    format!("{:.2}%", pixels.max(0.0) * 100.0 / WIDTH)
}

fn down(pixels: f64) -> String {
    format!("{:.1}", pixels.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_have_the_areas_of_their_bytes() {
        let sizes = [6_u64, 6, 4, 3, 2, 2, 1];
        let places = places(sizes.into_iter(), frame(0.0, 0.0, 600.0, 400.0));
        for (bytes, place) in sizes.iter().zip(&places) {
            assert!((place.w * place.h - *bytes as f64 * 10_000.0).abs() < 1e-6, "{place:?}");
            assert!(place.w / place.h < 3.0 && place.h / place.w < 3.0, "{place:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let empty = Group {
            label: "a".into(),
            about: "a".into(),
            class: "none",
            target: None,
            zoom: None,
            cells: vec![Cell {
                label: String::new(),
                about: String::new(),
                class: "none",
                bytes: 0,
                parts: vec![],
            }],
        };
        let drawn = treemap("of nothing", &[empty], 100.0).into_string();
        assert_eq!(
            drawn,
            "<svg class=\"map\" width=\"100%\" height=\"100\" role=\"group\" aria-label=\"of nothing\"></svg>"
        );
    }
}
