//! Hints: the nearest known word, and the words that this version does not know yet.

/// Keys of the language that later versions have: a spec that uses them is not mistyped, but early.
const NOT_YET: &[&str] = &["jupyter", "ssh", "envs", "base.image", "cuda.toolkit", "cuda.compat"];

/// The hint for a key that is not known.
pub(crate) fn for_key(path: &str, key: &str, known: &[String]) -> String {
    if NOT_YET.contains(&path) {
        return format!("this version of imgbuild does not know `{key}` yet");
    }
    match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", list(known)),
    }
}

/// The hint for a word that is not known.
pub(crate) fn for_value(value: &str, known: &[String]) -> String {
    match nearest(value, known) {
        Some(near) => format!("did you mean `{near}`? It can be {}", list(known)),
        None => format!("it can be {}", list(known)),
    }
}

/// The known word that `text` was most likely meant to be.
pub(crate) fn nearest<'a>(text: &str, known: &'a [String]) -> Option<&'a str> {
    let text = text.to_lowercase().replace('_', "-");
    let distance = |word: &str| strsim::damerau_levenshtein(&text, word);
    let near = known.iter().min_by_key(|word| distance(word))?;
    // More than a third of the letters wrong is another word.
    (distance(near) <= 1.max(near.chars().count() / 3)).then_some(near.as_str())
}

/// Words in backticks, parted by commas.
pub(crate) fn list<T: AsRef<str>>(words: &[T]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let known = ["python".to_owned(), "platforms".to_owned(), "skip-post-link".to_owned()];
        assert_eq!(nearest("pyhton", &known), Some("python"));
        assert_eq!(nearest("skip_post_link", &known), Some("skip-post-link"));
        assert_eq!(nearest("Platform", &known), Some("platforms"));
        assert_eq!(nearest("conda", &known), None);
    }
}
