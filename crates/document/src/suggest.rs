//! Hints: the nearest known word.

/// The hint for a key that is not known.
pub(crate) fn for_key(key: &str, known: &[String]) -> String {
    match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", list(known)),
    }
}

/// The hint for a word that is not known.
pub fn for_value(value: &str, known: &[String]) -> String {
    match nearest(value, known) {
        Some(near) => format!("did you mean `{near}`? It can be {}", list(known)),
        None => format!("it can be {}", list(known)),
    }
}

/// The known word that a text was most likely meant to be.
pub fn nearest<'a, T: AsRef<str> + ?Sized + 'a>(
    text: &str,
    known: impl IntoIterator<Item = &'a T>,
) -> Option<&'a str> {
    let text = text.to_lowercase().replace('_', "-");
    let length = text.chars().count();
    // More than a third of the letters wrong is another word.
    let wrong = |word: &str| 1.max(word.chars().count() / 3);
    let near = known.into_iter().map(AsRef::as_ref);
    let near = near.filter(|word| word.chars().count().abs_diff(length) <= wrong(word));
    let near = near.map(|word| (strsim::damerau_levenshtein(&text, word), word));
    // The first one of those that are equally near.
    let (distance, word) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= wrong(word)).then_some(word)
}

/// Words in backticks, parted by commas.
pub fn list<T: AsRef<str>>(words: &[T]) -> String {
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
        assert_eq!(nearest("nunpy", ["numba", "numpy"]), Some("numpy"));
        assert_eq!(nearest("x", [""; 0]), None);
        assert_eq!(nearest("conda", &known), None);
    }
}
