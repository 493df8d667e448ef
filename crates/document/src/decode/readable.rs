//! What of a tree can be read: what a mistake is about is left out of it.

use std::ops::Range;

use crate::decode::DecodeError;
use crate::tree::{Node, Value};

/// What became of the value that a mistake is about.
pub(super) struct LeftOut {
    /// Whether it is nothing but what follows from a mistake that has been told: a key that it needs was left out.
    pub(super) follows: bool,
    /// Whether anything is left to be read.
    pub(super) more: bool,
}

/// Leaves out what the mistake is about: the value at its place, or that of the key there. `path` is the root's.
pub(super) fn leave_out(root: &mut Node, path: &str, error: &DecodeError) -> LeftOut {
    let missing = error.missing();
    let found = error.place().and_then(|place| leave_out_at(root, path, place, missing));
    LeftOut { follows: found == Some(true), more: found.is_some() && root.value != Value::Unreadable }
}

/// Leaves out the deepest node at a place: its bytes, or those of its key, and its path as the decoder calls it. Says
/// whether it has the key `missing` and that is left out; nothing where there is no such node.
fn leave_out_at(
    node: &mut Node,
    path: &str,
    place: (&Range<usize>, &str),
    missing: Option<&str>,
) -> Option<bool> {
    let (span, wanted) = place;
    if !wanted.starts_with(path) {
        return None;
    }
    let inside = match &mut node.value {
        Value::List(items) => items
            .iter_mut()
            .enumerate()
            .find_map(|(index, item)| leave_out_at(item, &format!("{path}[{index}]"), place, missing)),
        Value::Table(entries) => entries.iter_mut().find_map(|entry| {
            let path = member(path, entry.name());
            if path == wanted && entry.key.span == *span {
                entry.value.value = Value::Unreadable;
                return Some(false);
            }
            leave_out_at(&mut entry.value, &path, place, missing)
        }),
        _ => None,
    };
    if inside.is_none() && path == wanted && node.span == *span {
        let key = missing.and_then(|name| node.get(name));
        let follows = key.is_some_and(|key| key.value == Value::Unreadable);
        node.value = Value::Unreadable;
        return Some(follows);
    }
    inside
}

/// The paths of what is left out.
pub fn unreadable(node: &Node, path: &str) -> Vec<String> {
    match &node.value {
        Value::Unreadable => vec![path.to_owned()],
        Value::List(items) => {
            let item = |(index, node)| unreadable(node, &format!("{path}[{index}]"));
            items.iter().enumerate().flat_map(item).collect()
        }
        Value::Table(entries) => {
            entries.iter().flat_map(|entry| unreadable(&entry.value, &member(path, entry.name()))).collect()
        }
        _ => Vec::new(),
    }
}

/// The path of a table's key, as messages call it.
pub(super) fn member(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
