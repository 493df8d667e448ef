//! The table of limits, out of the `limits.rs` of the crates.

use std::io;
use std::path::Path;

/// The table in Markdown: a row for each constant of `crates/*/src/limits.rs`, in the order of the crates and of their files.
///
/// # Errors
///
/// When a file cannot be read, or holds what is no documented constant.
pub(crate) fn table(workspace: &Path) -> io::Result<String> {
    let mut crates = Vec::new();
    for entry in fs_err::read_dir(workspace.join("crates"))? {
        let file = entry?.path().join("src/limits.rs");
        if file.is_file() {
            crates.push(file);
        }
    }
    crates.sort();
    let mut table = "| limit | value | constant |\n|---|---|---|\n".to_owned();
    for file in crates {
        let wrong = |line: &str| {
            let message = format!("`{}` has `{line}`, which is no documented number", file.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        let name = file.iter().rev().nth(2).and_then(|name| name.to_str()).unwrap_or_default();
        let mut documentation = String::new();
        for line in fs_err::read_to_string(&file)?.lines() {
            if let Some(text) = line.strip_prefix("///") {
                documentation.push_str(text);
            } else if let Some((_, constant)) = line.split_once("const ") {
                let (constant, expression) = constant.split_once(" = ").ok_or_else(|| wrong(line))?;
                let constant = constant.split(':').next().unwrap_or_default();
                let value = value(expression.trim_end_matches(';')).ok_or_else(|| wrong(line))?;
                let what = first(&documentation);
                if what.is_empty() {
                    return Err(wrong(line));
                }
                table.push_str(&format!("| {what} | {} | `{name}::{constant}` |\n", shown(value, &what)));
                documentation.clear();
            }
        }
    }
    Ok(table)
}

/// What a constant is: its documentation up to the reason.
fn first(documentation: &str) -> String {
    let text = documentation.trim();
    let end = [". ", ": "].iter().filter_map(|end| text.find(end)).min();
    let text = end.map_or(text, |end| &text[..end]);
    text.trim_end_matches(['.', ':']).to_owned()
}

/// `N` or `N << BITS`.
fn value(expression: &str) -> Option<u64> {
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    match expression.split_once("<<") {
        Some((number_text, bits)) => number(number_text)?.checked_shl(number(bits)?.try_into().ok()?),
        None => number(expression),
    }
}

/// A number with its unit, where the text says bytes or seconds.
fn shown(value: u64, what: &str) -> String {
    let words = |word: &str| what.split(|it: char| !it.is_alphabetic()).any(|found| found == word);
    if words("bytes") {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        if let Some((bits, unit)) =
            units.iter().find(|(bits, _)| value > 0 && value.is_multiple_of(1 << bits))
        {
            return format!("{} {unit}", value >> bits);
        }
    }
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let number = groups.join(",");
    if words("seconds") { format!("{number} s") } else { number }
}

#[cfg(test)]
mod tests {
    use super::{first, shown, value};

    #[test]
    fn numbers_are_those_of_the_source() {
        assert_eq!(value("64 << 20"), Some(64 << 20));
        assert_eq!(value("200_000"), Some(200_000));
        assert_eq!(value("i64::MAX"), None);
        assert_eq!(shown(64 << 20, "The most bytes of one"), "64 MiB");
        assert_eq!(shown(4095, "The longest path in bytes"), "4,095");
        assert_eq!(shown(2 << 20, "The most entries"), "2,097,152");
        assert_eq!(shown(300, "How long, in seconds of a processor"), "300 s");
        assert_eq!(first(" The most: as others have it. And so on."), "The most");
    }

    #[test]
    fn every_limit_is_in_a_file_of_its_crate() {
        let table = super::table(&crate::workspace()).unwrap();
        assert!(table.lines().count() > 50, "{table}");
        for known in
            ["`archive::MOST_COMPONENTS`", "`net::LEAST_PACE`", "`pypi::MOST_RATIO`", "`wheels::GIT_MEMORY`"]
        {
            assert!(table.contains(known), "{known}");
        }
    }
}
