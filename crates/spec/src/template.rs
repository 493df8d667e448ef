//! Templates: `{key}` in a string stands for the matrix key's value; `{{` and `}}` are braces.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_document::{Entry, Node, Problem, Source, Value, suggest};

use crate::mistake::SpecMistake;
use crate::values::SNAPSHOT_NAMES;

/// One combination of the matrix.
pub(crate) type Combination = BTreeMap<String, String>;

/// A combination as messages call it: `python 3.9, cuda 11.8`.
pub(crate) fn describe(combination: &Combination) -> String {
    let parts: Vec<String> = combination.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    parts.join(", ")
}

/// Expands a spec for one combination, and remembers which keys it used.
pub(crate) struct Expander<'a> {
    pub(crate) source: &'a Source,
    pub(crate) values: &'a Combination,
    pub(crate) used: BTreeSet<String>,
    pub(crate) problems: Vec<Problem>,
    /// Names that stay as they are written: what stands for them is not known to the spec.
    pub(crate) own: &'static [&'static str],
    /// Whether the matrix is readable. Else it is not known what a template stands for, and what has one cannot be read.
    pub(crate) known: bool,
}

impl Expander<'_> {
    /// The whole document but for `[matrix]`, where the values stand themselves.
    pub(crate) fn document(&mut self, root: &Node) -> Node {
        let Value::Table(entries) = &root.value else { return root.clone() };
        let expand = |entry: &Entry| match entry.name() {
            "matrix" => entry.clone(),
            "base" => Entry { key: entry.key.clone(), value: self.base(&entry.value) },
            _ => Entry { key: entry.key.clone(), value: self.node(&entry.value) },
        };
        Node { span: root.span.clone(), value: Value::Table(entries.iter().map(expand).collect()) }
    }

    /// `[base]`, whose snapshot's mirror has braces of its own.
    fn base(&mut self, node: &Node) -> Node {
        let Value::Table(entries) = &node.value else { return self.node(node) };
        let expand = |entry: &Entry| {
            self.own = if entry.name() == "snapshot" { &SNAPSHOT_NAMES } else { &[] };
            Entry { key: entry.key.clone(), value: self.node(&entry.value) }
        };
        let value = Value::Table(entries.iter().map(expand).collect());
        self.own = &[];
        Node { span: node.span.clone(), value }
    }

    fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Text(text) => self.text(text, node).map_or(Value::Unreadable, Value::Text),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            Value::Table(entries) => Value::Table(
                entries
                    .iter()
                    .map(|entry| Entry { key: entry.key.clone(), value: self.node(&entry.value) })
                    .collect(),
            ),
            value => value.clone(),
        };
        Node { span: node.span.clone(), value }
    }

    /// The text with its values; nothing where it is not known what stands for it.
    fn text(&mut self, text: &str, node: &Node) -> Option<String> {
        let mut all_known = true;
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = if rest[at..].starts_with('{') { '{' } else { '}' };
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                out.push(brace);
                rest = after;
                continue;
            }
            let Some((name, behind)) =
                after.split_once('}').filter(|(name, _)| brace == '{' && !name.contains('{'))
            else {
                self.lone(brace, node);
                return None;
            };
            match self.values.get(name) {
                _ if self.own.contains(&name) => {
                    out.push('{');
                    out.push_str(name);
                    out.push('}');
                }
                Some(value) => {
                    self.used.insert(name.to_owned());
                    out.push_str(value);
                }
                None => {
                    all_known = false;
                    if self.known {
                        self.unknown(name, node);
                    }
                }
            }
            rest = behind;
        }
        out.push_str(rest);
        all_known.then_some(out)
    }

    fn unknown(&mut self, name: &str, node: &Node) {
        let known: Vec<&String> = self.values.keys().collect();
        let braces = format!("for the braces themselves, write `{{{{{name}}}}}`");
        // What could be no key was meant as it is.
        let is_key = |it: char| it.is_ascii_alphanumeric() || "_-".contains(it);
        let hint = match known.as_slice() {
            _ if !name.chars().all(is_key) => braces,
            [] => format!("add `{name} = [\"…\"]` to `[matrix]`; {braces}"),
            known => format!("the matrix has {}; {braces}", suggest::list(known)),
        };
        let written = format!("{{{name}}}");
        let mut span = node.span.clone();
        let source = self.source.inner().get(span.clone()).unwrap_or_default();
        if let Some(at) = source.find(&written) {
            span = span.start + at..span.start + at + written.len();
        }
        let mistake = SpecMistake::UnknownTemplate { name: name.to_owned() };
        self.problems.push(Problem::new(mistake).at(self.source, span, "no such key").hint(hint));
    }

    fn lone(&mut self, brace: char, node: &Node) {
        let hint = format!("for the brace itself, write it twice: `{brace}{brace}`");
        let problem = Problem::new(SpecMistake::LoneBrace { brace });
        self.problems.push(problem.at(self.source, node.span.clone(), "in this string").hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imgbuild_document::source;

    fn expand(text: &str) -> Result<String, String> {
        let source = source("spec.toml", String::new());
        let values = Combination::from([("python".to_owned(), "3.9".to_owned())]);
        let mut expander = Expander {
            source: &source,
            values: &values,
            used: BTreeSet::new(),
            problems: Vec::new(),
            own: &[],
            known: true,
        };
        let node = Node { span: 0..0, value: Value::Null };
        let out = expander.text(text, &node);
        out.ok_or_else(|| expander.problems[0].to_string())
    }

    #[test]
    fn keys_expand_and_doubled_braces_are_braces() {
        assert_eq!(expand("py{python}-{python}"), Ok("py3.9-3.9".to_owned()));
        assert_eq!(expand("${{HOME}} {{{python}}}"), Ok("${HOME} {3.9}".to_owned()));
        assert_eq!(expand("{{python}}"), Ok("{python}".to_owned()));
        assert_eq!(expand("{cuda}"), Err("the template `{cuda}` has no key in `[matrix]`".to_owned()));
        assert_eq!(expand("{}"), Err("the template `{}` has no key in `[matrix]`".to_owned()));
        for lone in ["{", "}", "a}b", "{python", "{a{b}", "{python}}"] {
            assert!(expand(lone).unwrap_err().starts_with("a `"), "{lone}");
        }
    }
}
