//! What conda and micromamba take in an environment file beyond its form: keys that mean nothing to them, selectors, variables
//! in channels, values that are no text. It becomes the form.

use imgbuild_document::files::Variables;
use imgbuild_document::{Entry, Mistake, Node, Note, Origin, Problem, Source, Value, suggest};
use imgbuild_requirement::unset;

use crate::selectors::{list, select};

/// The keys of an environment file.
const KEYS: [&str; 5] = ["name", "channels", "dependencies", "variables", "prefix"];

/// The file in its own form, what a person should know of the rest, and what is wrong: selectors and variables that are
/// none that is known. Where they stand is left out.
pub(crate) fn opened(
    mut root: Node,
    source: &Source,
    variables: &Variables<'_>,
) -> (Node, Vec<Note>, Vec<Problem>) {
    let mut problems = Vec::new();
    let notes = take_unknown(&mut root, source);
    if let Some(channels) = value_of(&mut root, "channels") {
        list(channels);
        if let Value::List(items) = &mut channels.value {
            for item in items {
                if let Err(problem) = expand(item, source, variables) {
                    item.value = Value::Unreadable;
                    problems.push(problem);
                }
            }
        }
    }
    if let Some(dependencies) = value_of(&mut root, "dependencies") {
        list(dependencies);
        if let Value::List(items) = &mut dependencies.value {
            let mut selected = Vec::new();
            for item in std::mem::take(items) {
                select(item, source, 0, &mut selected, &mut problems);
            }
            *items = selected;
        }
    }
    if let Some(Value::Table(entries)) = value_of(&mut root, "variables").map(|node| &mut node.value) {
        for Entry { value, .. } in entries {
            let text = match &value.value {
                // As it is written, like a number.
                Value::Boolean(_) => source.inner().get(value.span.clone()).unwrap_or_default().trim(),
                Value::Null => "",
                _ => continue,
            };
            value.value = Value::Text(text.to_owned());
        }
    }
    (root, notes, problems)
}

fn value_of<'a>(root: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Value::Table(entries) = &mut root.value else { return None };
    entries.iter_mut().find(|entry| entry.name() == key).map(|entry| &mut entry.value)
}

/// Takes out keys that the file does not have, where it has any that it has: else it is another file.
fn take_unknown(root: &mut Node, source: &Source) -> Vec<Note> {
    let Value::Table(entries) = &mut root.value else { return Vec::new() };
    let is_known = |entry: &Entry| KEYS.contains(&entry.name());
    if !entries.iter().any(is_known) {
        return Vec::new();
    }
    let unknown = entries.extract_if(.., |entry| !is_known(entry));
    let known = KEYS.map(str::to_owned);
    let note = |entry: Entry| {
        let name = entry.name().to_owned();
        let near = suggest::nearest(&name, &known).map(|near| format!("; did you mean `{near}`?"));
        let message = format!(
            "`{}` is no key of an environment file, and does nothing{}",
            name.escape_debug(),
            near.unwrap_or_default()
        );
        Note::new(message, Origin::new(source, entry.key.span, name))
    };
    unknown.map(note).collect()
}

/// Writes the variables of the environment in a channel, which conda puts in, as `${NAME}`: whoever asks the channel does so.
fn expand(node: &mut Node, source: &Source, variables: &Variables<'_>) -> Result<(), Problem> {
    let Value::Text(text) = &mut node.value else { return Ok(()) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, behind) = match after.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some(found) => found,
            None => {
                let end = after.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        if name.is_empty() {
            out.push('$');
            rest = after;
            continue;
        }
        variables(name).ok_or_else(|| {
            let error = unset(name);
            let mistake = Mistake::Value { message: error.to_string() };
            let problem = Problem::new(mistake).at(source, node.span.clone(), "here");
            problem.hint_if_any(error.help().map(str::to_owned))
        })?;
        out.push_str(&format!("${{{name}}}"));
        rest = behind;
    }
    out.push_str(rest);
    *text = out;
    Ok(())
}
