//! JSON with comments, as editors write it.

/// The same text as JSON: spaces stand where comments were, and commas behind which nothing comes. Every place stays.
pub(crate) fn plain(text: &str) -> String {
    let mut plain: Vec<u8> = text.bytes().collect();
    let mut comma = None;
    let mut at = 0;
    while at < plain.len() {
        let rest = &text.as_bytes()[at..];
        let length = match rest {
            [b'"', ..] => string(rest),
            [b'/', b'/', ..] => {
                blank(&mut plain, at, rest.iter().position(|it| *it == b'\n').unwrap_or(rest.len()))
            }
            [b'/', b'*', ..] => {
                let end = rest[2..].windows(2).position(|it| it == b"*/").map_or(rest.len(), |end| end + 4);
                blank(&mut plain, at, end)
            }
            _ => 1,
        };
        match rest[0] {
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    plain[comma] = b' ';
                }
            }
            b'/' if length > 1 => {}
            it if it.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at += length;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The length of a text in quotes.
fn string(rest: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = rest[1..].iter().position(|it| {
        let is_end = *it == b'"' && !is_escaped;
        is_escaped = *it == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(rest.len(), |end| end + 2)
}

fn blank(plain: &mut [u8], start: usize, length: usize) -> usize {
    for byte in &mut plain[start..start + length] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_are_taken_out() {
        let text = "{ // a \"b\"\n \"u\": \"http://x/*y*/\\\"//\", /* c, */ \"l\": [1, 2,], // d\n}";
        let value: serde_json::Value = serde_json::from_str(&plain(text)).unwrap();
        assert_eq!(value, serde_json::json!({ "u": "http://x/*y*/\"//", "l": [1, 2] }));
        assert_eq!(plain(text).len(), text.len());
        assert_eq!(plain("/* é"), "     ");
    }

    proptest::proptest! {
        #[test]
        fn what_is_json_stays_as_it_is(text in "[a-z/*,\" ]{0,20}") {
            let json = serde_json::json!({ "a": [text, 1], "b": {} }).to_string();
            proptest::prop_assert_eq!(plain(&json), json);
        }
    }
}
