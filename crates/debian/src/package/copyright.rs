//! `/usr/share/doc/NAME/copyright`, where it is in the form that machines read ("machine-readable copyright format 1.0").

use crate::package::stanza::Stanza;

/// The largest `copyright` that is read: the largest real ones have some hundred kilobytes.
pub(crate) const COPYRIGHT_LIMIT: u64 = 4 << 20;

/// The licences that stand over files of a package, each once, in their order, by Debian's short names; nothing where nobody but a person
/// can read the text.
pub fn licences(text: &str) -> Option<String> {
    let stanzas = Stanza::read_all(text).ok()?;
    // It is known by its first field.
    stanzas.first()?.get("Format").filter(|it| it.contains("copyright-format"))?;
    let mut names: Vec<String> = Vec::new();
    for stanza in stanzas.iter().filter(|it| it.get("Files").is_some()) {
        let name = stanza.get("License").and_then(|it| it.lines().next()).unwrap_or_default().trim();
        if !name.is_empty() && !names.iter().any(|it| it == name) {
            names.push(name.to_owned());
        }
    }
    let joined = |name: &String| if name.contains(" or ") { format!("({name})") } else { name.clone() };
    match names.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        names => Some(names.iter().map(joined).collect::<Vec<_>>().join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_those_over_files() {
        let format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
        let files = |licences: &[&str]| {
            let stanza = |it: &&str| format!("\nFiles: *\nLicense: {it}\n The text.\n");
            licences.iter().map(stanza).collect::<String>()
        };
        let of = |text: String| licences(&text).unwrap_or_else(|| "nothing".to_owned());
        assert_eq!(of(format!("{format}{}", files(&["GPL-2+"]))), "GPL-2+");
        assert_eq!(
            of(format!("{format}{}", files(&["GPL-2+", "MIT or BSD", "GPL-2+"]))),
            "GPL-2+ and (MIT or BSD)"
        );
        assert_eq!(of(format!("{format}\nLicense: MIT\n only a text\n")), "nothing");
        assert_eq!(of(files(&["MIT"])), "nothing");
        assert_eq!(of("This package was debianized by somebody.\n".to_owned()), "nothing");
    }
}
