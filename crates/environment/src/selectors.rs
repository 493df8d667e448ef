//! Selectors of an environment file, `sel(linux): …`: what holds for an image.

use imgbuild_document::{Mistake, Node, Problem, Source, Value, suggest};

use crate::limits::SELECTOR_DEPTH;

/// One text in the place of a list is a list of it.
pub(crate) fn list(node: &mut Node) {
    if let Value::Text(_) = node.value {
        let only = Node { span: node.span.clone(), value: std::mem::replace(&mut node.value, Value::Null) };
        node.value = Value::List(vec![only]);
    }
}

/// Adds what holds for an image of a dependency: a text, what a selector `sel(NAME): …` has, or what another installer gets.
pub(crate) fn select(
    node: Node,
    source: &Source,
    depth: usize,
    selected: &mut Vec<Node>,
    problems: &mut Vec<Problem>,
) {
    let Node { span, value: Value::Table(entries) } = node else { return selected.push(node) };
    let mut kept = Vec::new();
    for mut entry in entries {
        let name = entry.name().trim().to_owned();
        if let Some(selector) = name.strip_prefix("sel(").and_then(|it| it.strip_suffix(')')) {
            match selector.trim() {
                "linux" | "unix" => {
                    let items = match entry.value.value {
                        Value::List(items) if depth < SELECTOR_DEPTH => items,
                        Value::Null => Vec::new(),
                        _ => vec![entry.value],
                    };
                    for item in items {
                        select(item, source, depth + 1, selected, problems);
                    }
                }
                "win" | "osx" => {}
                _ => {
                    let mistake = Mistake::UnknownValue { key: "sel".to_owned(), value: selector.to_owned() };
                    let known = ["linux", "unix", "osx", "win"].map(str::to_owned);
                    let problem = Problem::new(mistake).at(source, entry.key.span, "here");
                    problems.push(problem.hint(suggest::for_value(selector, &known)));
                }
            }
            continue;
        }
        // micromamba has pip's part under this name as well.
        if name == "uv" {
            entry.key.value = Value::Text("pip".to_owned());
        }
        list(&mut entry.value);
        kept.push(entry);
    }
    if !kept.is_empty() {
        selected.push(Node { span, value: Value::Table(kept) });
    }
}
