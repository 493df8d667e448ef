//! A draft as the text of a spec.

use std::ops::Range;

use crate::draft::{Draft, Entry, Item, LeftOut};
use crate::limits::WIDEST_LINE;
use crate::literal;

/// The keys in their order, by table. Those without a table come first, as TOML wants it.
const KEYS: [(&str, &[&str]); 10] = [
    ("", &["platforms", "python", "cuda", "env", "jupyter", "ssh", "devcontainer"]),
    ("base", &["debian", "image", "packages"]),
    ("conda", &["channels", "channel-priority", "packages", "prefix"]),
    ("envs", &[]),
    ("pip", &["index-url", "extra-index-urls", "packages", "requirements", "constraints", "allow-builds"]),
    ("user", &["name", "uid", "gid", "sudo"]),
    ("devcontainer", &["extensions", "forward-ports"]),
    ("image", &["user", "workdir", "entrypoint", "cmd", "expose", "volumes"]),
    ("image.env", &[]),
    ("image.labels", &[]),
];

/// Tables that come in lists.
const LISTED: [&str; 2] = ["copy", "check"];

/// The text of a draft, and for each entry the bytes that it is written in.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) places: Vec<(usize, Range<usize>)>,
}

/// Writes a draft.
pub(crate) fn write(draft: &Draft) -> Written {
    let mut written = Written { text: head(draft), places: Vec::new() };
    written.text.push_str(&format!("\nname = {}\n", literal::text(&draft.name)));
    for (table, keys) in KEYS {
        let path = |key: &&str| if table.is_empty() { (*key).to_owned() } else { format!("{table}.{key}") };
        let of_table: Vec<_> = draft.entries.iter().enumerate().filter(|(_, it)| it.key == table).collect();
        let is_named = of_table.iter().any(|(_, it)| matches!(it.item, Item::Named(..)));
        let all = |key: &&str| {
            let path = path(key);
            draft.entries.iter().enumerate().filter(move |(_, it)| it.key == path).collect::<Vec<_>>()
        };
        if !table.is_empty() && (is_named || keys.iter().any(|key| !all(key).is_empty())) {
            written.text.push_str(&format!("\n[{table}]\n"));
        }
        if is_named {
            of_table.into_iter().for_each(|(index, entry)| written.line(index, entry));
        }
        for key in keys {
            written.key(key, &all(key));
        }
    }
    for table in LISTED {
        for (index, entry) in draft.entries.iter().enumerate().filter(|(_, it)| it.key == table) {
            written.text.push_str(&format!("\n[[{table}]]"));
            written.line(index, entry);
        }
    }
    let from = draft.from.as_deref().unwrap_or_default();
    written
        .text
        .push_str(&listed(&format!("What of `{from}` is not in this spec, and why:"), &draft.left_out));
    written.text.push_str(&needless(&draft.needless));
    written
}

fn head(draft: &Draft) -> String {
    match &draft.from {
        Some(from) => format!(
            "# Made by `imgbuild init` from `{}`: read it, change it, and keep it instead.\n# `imgbuild check` says what is wrong with it, `imgbuild build` makes the image.\n",
            shown(from)
        ),
        None => String::new(),
    }
}

impl Written {
    /// Writes a key with its value or its list.
    fn key(&mut self, key: &str, entries: &[(usize, &Entry)]) {
        let is_list = matches!(entries.first(), Some((_, Entry { item: Item::Element(_), .. })));
        if is_list {
            self.text.push_str(&format!("{key} = [\n"));
        }
        for (index, entry) in entries {
            if !is_list {
                self.text.push_str(&format!("{key} = "));
            }
            self.line(*index, entry);
        }
        if is_list {
            self.text.push_str("]\n");
        }
    }

    /// Writes an entry to the end of its line, and where it came from.
    fn line(&mut self, index: usize, entry: &Entry) {
        let start = self.text.len();
        let place = shown(&entry.place);
        match &entry.item {
            Item::Value(value) => self.text.push_str(&format!("{value}  # {place}\n")),
            Item::Element(value) => self.text.push_str(&format!("    {value},  # {place}\n")),
            Item::Named(name, value) => {
                self.text.push_str(&format!("{} = {value}  # {place}\n", literal::key(name)));
            }
            Item::Table(keys) => {
                self.text.push_str(&format!("  # {place}\n"));
                keys.iter().for_each(|(key, value)| self.text.push_str(&format!("{key} = {value}\n")));
            }
        }
        self.places.push((index, start..self.text.len()));
    }
}

/// What is not in a spec, as comments at its end.
fn listed(title: &str, items: &[LeftOut]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("\n# {}\n", shown(title));
    for LeftOut { place, what, reason } in items {
        text.push_str(&format!("#\n# {}: {}\n", shown(place), shown(what)));
        for line in wrapped(&shown(reason)) {
            text.push_str(&format!("#     {line}\n"));
        }
    }
    text
}

/// What needs nothing, by the reasons for that.
fn needless(items: &[LeftOut]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut reasons: Vec<&str> = Vec::new();
    for item in items {
        if !reasons.contains(&item.reason.as_str()) {
            reasons.push(&item.reason);
        }
    }
    let mut text = "\n# What needs nothing here:\n".to_owned();
    for reason in reasons {
        text.push_str("#\n");
        text.push_str(&format!("# {}:\n", wrapped(&shown(reason)).join("\n# ")));
        for LeftOut { place, what, .. } in items.iter().filter(|item| item.reason == reason) {
            text.push_str(&format!("#     {}: {}\n", shown(place), shown(what)));
        }
    }
    text
}

/// A text in lines that are no wider than people read.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDEST_LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text in one line of a comment.
fn shown(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}
