//! What other programs print for people: uv and pip put what to do on lines of its own.

/// What stands before a hint, as uv and pip write it at the beginning of a line.
const MARK: &str = "hint: ";

/// What a program says, and the hints that stand in it.
pub(crate) fn parted(said: &str) -> (String, Vec<String>) {
    let (mut words, mut hints) = (String::new(), Vec::new());
    for line in said.lines() {
        match line.strip_prefix(MARK) {
            Some(hint) => {
                hints.push(hint.trim().to_owned());
                // The empty line before it belongs to it.
                words.truncate(words.trim_end().len());
            }
            None if words.is_empty() => words.push_str(line),
            None => words = format!("{words}\n{line}"),
        }
    }
    words.truncate(words.trim_end().len());
    (words, hints)
}

/// Hints as an error has them: a line for each.
pub(crate) fn hint(hints: &[String]) -> Option<String> {
    (!hints.is_empty()).then(|| hints.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_at_the_beginning_of_lines() {
        let said = "No solution found:\n  Because of hint: this\n\nhint: do that \nhint: or that\nand more\n";
        let (words, hints) = parted(said);
        assert_eq!(words, "No solution found:\n  Because of hint: this\nand more");
        assert_eq!(hints, ["do that", "or that"]);
        assert_eq!(hint(&hints).unwrap(), "do that\nor that");
        assert_eq!(parted("nothing to do\n"), ("nothing to do".to_owned(), vec![]));
    }
}
