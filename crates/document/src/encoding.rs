//! From the bytes of a file to its text, as pip and conda read theirs: a byte order mark says what they are, then a line
//! `# coding: NAME`, else they are UTF-8.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// A byte order mark, and how four bytes behind it make a character.
type Utf32 = (&'static [u8], fn([u8; 4]) -> u32);

/// UTF-32, whose marks no text of another encoding begins with.
const UTF_32: [Utf32; 2] = [(b"\xff\xfe\0\0", u32::from_le_bytes), (b"\0\0\xfe\xff", u32::from_be_bytes)];

/// How many lines may say the encoding.
const LINES: usize = 2;

/// Bytes that are not the text that they should be: the name of the encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EncodingError {
    /// They are something else.
    Damaged(String),
    /// They say that they are in an encoding that is not known.
    Unknown(String),
}

/// The text, without a byte order mark. `declared` says whether a line of it may name its encoding.
pub(crate) fn text(bytes: Vec<u8>, declared: bool) -> Result<String, EncodingError> {
    for (mark, number) in UTF_32 {
        if let Some(rest) = bytes.strip_prefix(mark) {
            let characters = rest.chunks(4).map(|bytes| char::from_u32(number(bytes.try_into().ok()?)));
            return checked(characters.collect(), "UTF-32");
        }
    }
    if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
        return decoded(encoding, &bytes[mark..]);
    }
    match declared.then(|| declaration(&bytes)).flatten() {
        None => checked(String::from_utf8(bytes).ok(), UTF_8.name()),
        Some(name) => match known(&name).ok_or(EncodingError::Unknown(name))? {
            // `for_label` takes it for the encoding of Windows, as browsers do; Python does not.
            PythonEncoding::Latin1 => {
                checked(Some(bytes.into_iter().map(char::from).collect()), "ISO-8859-1")
            }
            PythonEncoding::Other(encoding) => decoded(encoding, &bytes),
        },
    }
}

fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, EncodingError> {
    // A last half of a unit is damage as well.
    let whole = !(encoding == UTF_16LE || encoding == UTF_16BE) || bytes.len().is_multiple_of(2);
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    checked(text.filter(|_| whole).map(std::borrow::Cow::into_owned), encoding.name())
}

/// No text has a NUL: what has one is in another encoding than it seems.
fn checked(text: Option<String>, encoding: &str) -> Result<String, EncodingError> {
    text.filter(|text| !text.contains('\0')).ok_or_else(|| EncodingError::Damaged(encoding.to_owned()))
}

/// The encoding that a comment of the first lines names, as Python has it in its sources (PEP 263).
fn declaration(bytes: &[u8]) -> Option<String> {
    let comments = bytes.split(|byte| *byte == b'\n').take(LINES).filter(|line| line.starts_with(b"#"));
    let named = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).into_owned();
        let mut places = line.match_indices("coding");
        places.find_map(|(at, word)| {
            let name = line[at + word.len()..].strip_prefix([':', '='])?.trim_start();
            let end = name.find(|it: char| !it.is_ascii_alphanumeric() && !"-_.".contains(it));
            let name = &name[..end.unwrap_or(name.len())];
            (!name.is_empty()).then(|| name.to_owned())
        })
    };
    comments.filter_map(named).next()
}

enum PythonEncoding {
    Latin1,
    Other(&'static Encoding),
}

/// An encoding by one of Python's names.
fn known(name: &str) -> Option<PythonEncoding> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let label = match name.as_str() {
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => {
            return Some(PythonEncoding::Latin1);
        }
        "ascii" | "us-ascii" | "utf-8-sig" | "u8" | "utf" | "cp65001" => "utf-8",
        "cp936" | "936" | "ms936" => "gbk",
        "cp932" | "932" | "ms932" | "mskanji" => "shift_jis",
        "cp949" | "949" | "ms949" | "uhc" => "euc-kr",
        "cp950" | "950" | "ms950" => "big5",
        "euc-jp" | "eucjp" | "ujis" => "euc-jp",
        other => other,
    };
    Encoding::for_label(label.as_bytes()).map(PythonEncoding::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn a_mark_says_what_bytes_are() {
        let lines = "numpy==1.26 # é 😀\r\nsix\r\n";
        let utf_32 = |bytes: fn(u32) -> [u8; 4]| -> Vec<u8> {
            "\u{feff}".chars().chain(lines.chars()).flat_map(|it| bytes(it.into())).collect()
        };
        for bytes in [
            lines.as_bytes().to_vec(),
            format!("\u{feff}{lines}").into_bytes(),
            utf_16(lines, u16::to_le_bytes),
            utf_16(lines, u16::to_be_bytes),
            utf_32(u32::to_le_bytes),
            utf_32(u32::to_be_bytes),
        ] {
            assert_eq!(text(bytes.clone(), false), Ok(lines.to_owned()), "{bytes:?}");
        }
    }

    #[test]
    fn a_comment_of_the_first_two_lines_says_it_too() {
        for (bytes, expected) in [
            (b"# -*- coding: latin-1 -*-\n# \xe9\x85\n".as_slice(), "# -*- coding: latin-1 -*-\n# é\u{85}\n"),
            (
                b"#!/x\n# vim: set fileencoding=cp1252 :\n# \x80\n",
                "#!/x\n# vim: set fileencoding=cp1252 :\n# €\n",
            ),
            (b"# coding=gbk\n# \xc4\xe3\n", "# coding=gbk\n# 你\n"),
            (b"# coding: UTF_8\n# \xc3\xa9\n", "# coding: UTF_8\n# é\n"),
            (b"# encoding is not told\nsix\n", "# encoding is not told\nsix\n"),
        ] {
            assert_eq!(text(bytes.to_vec(), true), Ok(expected.to_owned()));
        }
        let third = b"\n\n# coding: latin-1\n# \xe9\n".to_vec();
        assert_eq!(text(third, true), Err(EncodingError::Damaged("UTF-8".to_owned())));
        let not_here = b"# coding: latin-1\n# \xe9\n".to_vec();
        assert_eq!(text(not_here, false), Err(EncodingError::Damaged("UTF-8".to_owned())));
    }

    #[test]
    fn what_is_no_text_is_none() {
        let damaged = |name: &str| Err(EncodingError::Damaged(name.to_owned()));
        assert_eq!(text(b"\xff\xfea".to_vec(), true), damaged("UTF-16LE"));
        assert_eq!(text(b"\xfe\xff\xd8\0".to_vec(), true), damaged("UTF-16BE"));
        assert_eq!(text(b"\xff\xfe\0\0a".to_vec(), true), damaged("UTF-32"));
        // Without a mark, it reads as text full of NULs.
        assert_eq!(text(utf_16("six", u16::to_le_bytes)[2..].to_vec(), true), damaged("UTF-8"));
        assert_eq!(
            text(b"# coding: klingon\n".to_vec(), true),
            Err(EncodingError::Unknown("klingon".to_owned()))
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64), declared: bool) {
            let _ = text(bytes, declared);
        }
    }
}
