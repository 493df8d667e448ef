//! `/usr/share/doc/NAME/copyright`, where it is in the form that machines read ("machine-readable copyright format 1.0").

use std::collections::BTreeSet;
use std::io::{self, Read};

use crate::limits::{COPYRIGHT_LIMIT, LICENCES_LIMIT};
use crate::package::stanza::Stanza;

/// Where a package's `copyright` stands.
pub(crate) fn path(package: &str) -> String {
    format!("usr/share/doc/{package}/copyright")
}

/// Reads it as far as [`stated`] needs it.
pub(crate) fn read(body: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    body.take(COPYRIGHT_LIMIT + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// The licences that it states; nothing where it is longer than any real one.
pub(crate) fn stated(text: &[u8]) -> Option<String> {
    if text.len() as u64 > COPYRIGHT_LIMIT { None } else { licences(&String::from_utf8_lossy(text)) }
}

/// The licences that stand over files of a package, each once, in their order, by Debian's short names; nothing where nobody but a person
/// can read the text, or where it does not say all.
///
/// Locks are held against this, and it has to say the same of the same text for ever: who changes it adds a format version.
pub fn licences(text: &str) -> Option<String> {
    let stanzas = Stanza::read_all(text).ok()?;
    // It is known by its first field.
    stanzas.first()?.get("Format").filter(|it| it.contains("copyright-format"))?;
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    for stanza in stanzas.iter().filter(|it| it.get("Files").is_some()) {
        let name = stanza.get("License").and_then(|it| it.lines().next()).unwrap_or_default().trim();
        if name.is_empty() {
            return None;
        }
        if seen.insert(name) {
            names.push(name);
        }
    }
    let joined = |name: &&str| if name.contains(" or ") { format!("({name})") } else { (*name).to_owned() };
    let all = match names.as_slice() {
        [only] => (*only).to_owned(),
        names => names.iter().map(joined).collect::<Vec<_>>().join(" and "),
    };
    Some(all).filter(|it| !it.is_empty() && it.len() <= LICENCES_LIMIT)
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
        assert_eq!(of(format!("{format}{}\nFiles: a\nCopyright: somebody\n", files(&["MIT"]))), "nothing");
        assert_eq!(of(files(&["MIT"])), "nothing");
        assert_eq!(of("This package was debianized by somebody.\n".to_owned()), "nothing");
        // None has so many.
        let many: Vec<String> = (0..100_000).map(|number| format!("custom-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(format!("{format}{}", files(&many))), "nothing");
    }

    #[test]
    fn a_text_without_end_says_nothing() {
        let format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
        let text = format!("{format}\nFiles: *\nLicense: MIT\n");
        let padded = |length: usize| {
            stated(&read(&mut text.as_bytes().chain(io::repeat(b'\n').take(length as u64))).unwrap())
        };
        assert_eq!(padded(0).as_deref(), Some("MIT"));
        assert_eq!(padded(COPYRIGHT_LIMIT as usize - text.len()).as_deref(), Some("MIT"));
        assert_eq!(padded(COPYRIGHT_LIMIT as usize), None);
    }
}
