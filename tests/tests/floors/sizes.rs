//! How long files and functions are, outside of tests: by their lines, as `cargo fmt` lays them out.

use std::fs;
use std::path::Path;

/// What fits in the head.
const MOST_OF_A_FILE: usize = 450;
/// What fits on a screen.
const MOST_OF_A_FUNCTION: usize = 60;

/// What of the Rust files below a folder is too long.
pub(super) fn too_long(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut items: Vec<_> = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    items.sort();
    for path in items {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "tests" {
            found.extend(too_long(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text.lines().take_while(|line| *line != "#[cfg(test)]").collect();
            if code.len() > MOST_OF_A_FILE {
                found.push(format!("{}: {} lines", path.display(), code.len()));
            }
            let long = functions(&code).into_iter().filter(|(_, lines)| *lines > MOST_OF_A_FUNCTION);
            found.extend(long.map(|(name, lines)| format!("{}: `{name}`: {lines} lines", path.display())));
        }
    }
    found
}

/// The functions that have a body, and how many lines each has.
fn functions(code: &[&str]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (start, line) in code.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let before = line.trim_start().split("fn ").next().unwrap_or_default();
        let is_word = |word: &str| word.starts_with("pub") || ["const", "async", "unsafe"].contains(&word);
        if !line.contains("fn ") || !before.split_whitespace().all(is_word) {
            continue;
        }
        let name = line.trim_start()[before.len() + 3..].split(['(', '<']).next().unwrap_or_default();
        // A signature of a trait ends in a semicolon.
        let head = code[start..]
            .iter()
            .position(|line| line.ends_with('{') || line.ends_with(';') || line.ends_with('}'));
        let Some(head) = head.filter(|head| code[start + head].ends_with('{')) else { continue };
        let end = code[start + head..].iter().position(|line| line.strip_prefix(indent) == Some("}"));
        found.extend(end.map(|end| (name.to_owned(), head + end + 1)));
    }
    found
}

#[test]
fn functions_are_counted_by_their_lines() {
    let code = "trait A {\n    fn a(&self);\n\n    fn b(\n        &self,\n    );\n}\npub(crate) async fn c<T>(\n    it: T,\n) {\n    it;\n}\nfn d() {}\n";
    assert_eq!(functions(&code.lines().collect::<Vec<_>>()), [("c".to_owned(), 5)]);
}
