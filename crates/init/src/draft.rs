//! A spec in the making: what it says, each with where that came from, and what it does not say.

use crate::literal;

/// A spec in the making.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The image's name.
    pub(crate) name: String,
    /// What it is made from, as messages call it; nothing where it is made from nothing.
    pub(crate) from: Option<String>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) left_out: Vec<LeftOut>,
    /// What needs nothing in a spec.
    pub(crate) needless: Vec<LeftOut>,
}

/// A value, an item of a list, or a table of a list of tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key, such as `conda.packages`.
    pub(crate) key: &'static str,
    pub(crate) item: Item,
    /// Where it came from, such as `line 3`.
    pub(crate) place: String,
    /// Whether the spec is nothing without it: a mistake in it is one of the file that it was made from.
    pub(crate) is_essential: bool,
}

/// What an entry is, in TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// The value of the key.
    Value(String),
    /// An item of the list that the key is.
    Element(String),
    /// A name and its value, of the table that the key is.
    Named(String, String),
    /// Keys and values of one of the tables that the key is a list of.
    Table(Vec<(&'static str, String)>),
}

/// What a file says and the spec does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is written, such as `line 3`.
    pub place: String,
    /// What is written there, without secrets.
    pub what: String,
    /// Why it is not in the spec, and what to do.
    pub reason: String,
}

impl Draft {
    pub(crate) fn new(name: String, from: Option<String>) -> Self {
        Self { name, from, ..Self::default() }
    }

    fn push(&mut self, key: &'static str, item: Item, place: &str) {
        let is_known = |entry: &Entry| entry.key == key && entry.item == item;
        if !self.entries.iter().any(is_known) {
            self.entries.push(Entry { key, item, place: place.to_owned(), is_essential: false });
        }
    }

    /// Sets a key to a text. What it was before is gone.
    pub(crate) fn set(&mut self, key: &'static str, text: &str, place: &str) {
        self.set_literal(key, literal::text(text), place);
    }

    /// Sets a key to what is TOML already.
    pub(crate) fn set_literal(&mut self, key: &'static str, value: String, place: &str) {
        self.remove(key);
        self.push(key, Item::Value(value), place);
    }

    /// The same of what the spec is nothing without.
    pub(crate) fn set_essential(&mut self, key: &'static str, value: String, place: &str) {
        self.set_literal(key, value, place);
        self.entries.iter_mut().filter(|entry| entry.key == key).for_each(|entry| entry.is_essential = true);
    }

    /// Adds a text to a list.
    pub(crate) fn add(&mut self, key: &'static str, text: &str, place: &str) {
        self.push(key, Item::Element(literal::text(text)), place);
    }

    /// Adds what is TOML already to a list.
    pub(crate) fn add_literal(&mut self, key: &'static str, value: String, place: &str) {
        self.push(key, Item::Element(value), place);
    }

    /// Sets a name of a table to a text.
    pub(crate) fn set_named(&mut self, key: &'static str, name: &str, text: &str, place: &str) {
        self.entries
            .retain(|it| it.key != key || !matches!(&it.item, Item::Named(known, _) if known == name));
        self.push(key, Item::Named(name.to_owned(), literal::text(text)), place);
    }

    /// Sets a name of a table to what is TOML already.
    pub(crate) fn set_named_literal(&mut self, key: &'static str, name: &str, value: String, place: &str) {
        self.push(key, Item::Named(name.to_owned(), value), place);
    }

    /// Whether a table has a name.
    pub(crate) fn has_named(&self, key: &str, name: &str) -> bool {
        let is = |it: &Entry| it.key == key && matches!(&it.item, Item::Named(known, _) if known == name);
        self.entries.iter().any(is)
    }

    /// Adds a table to a list of them.
    pub(crate) fn add_table(&mut self, key: &'static str, table: Vec<(&'static str, String)>, place: &str) {
        self.push(key, Item::Table(table), place);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Where a key was first asked for.
    pub(crate) fn place(&self, key: &str) -> Option<String> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.place.clone())
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.entries.retain(|entry| entry.key != key);
    }

    /// Takes a text out of a list.
    pub(crate) fn remove_item(&mut self, key: &str, text: &str) {
        let item = Item::Element(literal::text(text));
        self.entries.retain(|entry| entry.key != key || entry.item != item);
    }

    /// Says that something is not in the spec.
    pub(crate) fn leave_out(&mut self, place: &str, what: impl Into<String>, reason: impl Into<String>) {
        let left_out = LeftOut { place: place.to_owned(), what: what.into(), reason: reason.into() };
        if !self.left_out.contains(&left_out) {
            self.left_out.push(left_out);
        }
    }

    /// Says that nothing is to be done about something.
    pub(crate) fn need_nothing(&mut self, place: &str, what: impl Into<String>, reason: impl Into<String>) {
        let left_out = LeftOut { place: place.to_owned(), what: what.into(), reason: reason.into() };
        if !self.needless.contains(&left_out) {
            self.needless.push(left_out);
        }
    }
}
