//! Numbers and tables for people.

/// A size with a decimal unit, as registries and disks count: `171.2 MB`.
#[allow(clippy::cast_precision_loss)] // Three digits are shown.
pub(crate) fn size(bytes: u64) -> String {
    imgbuild_diagnostic::Size(bytes).to_string()
}

/// How many of something there are: `1 file`, `2 files`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A text of others as one line: what would begin another one is shown as it is written in programs.
pub(crate) fn one_line(text: &str) -> String {
    let shown = |it: char| match it {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => it.escape_default().to_string(),
        it => it.to_string(),
    };
    text.chars().map(shown).collect()
}

/// The beginning of a text that has at most `width` characters.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Rows in columns: the first to the left, the others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|it| one_line(it)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            if column == 0 { format!("{cell}{pad}") } else { format!("{pad}{cell}") }
        });
        text.push_str(format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned() {
        let rows = [vec!["a".to_owned(), "10 B".to_owned()], vec!["long".to_owned(), "1 B".to_owned()]];
        assert_eq!(table(&rows), "  a     10 B\n  long   1 B\n");
        assert_eq!(shortened("python, openssl", 10), "python, o…");
    }
}
