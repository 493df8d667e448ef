//! The document around what is shown: its rules for the browser, its style, its script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_oci::Digest;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::text::shown;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A whole page. Nothing is loaded, and nothing runs but what is in this crate: the browser is given the hashes of both.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "imgbuild " (env!("CARGO_PKG_VERSION")) };
                title { (shown(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                footer { p { "Made by imgbuild " (env!("CARGO_PKG_VERSION")) "." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// The source of a policy that allows one text (CSP3 §6.7.2.5).
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Digest::of(text).as_bytes()))
}

/// A table that may be wider than a phone: it is scrolled in a place of its own.
pub(crate) fn scrolled(what: &str, table: &Markup) -> Markup {
    html! { div.scrolled role="region" aria-label=(what) tabindex="0" { (table) } }
}
