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

/// What makes a file that can be named out of one of another tool, by its name.
pub(crate) fn for_file(name: &str) -> Option<String> {
    let into = |command: &str| format!("`{command}` writes what it says into `requirements.txt`: name that");
    Some(match name {
        "uv.lock" => into("uv export --no-emit-project --output-file requirements.txt"),
        "poetry.lock" => into("poetry export --output requirements.txt"),
        "pdm.lock" => into("pdm export --no-self --output requirements.txt"),
        "Pipfile" | "Pipfile.lock" => into("pipenv requirements > requirements.txt"),
        "pyproject.toml" | "setup.py" | "setup.cfg" => {
            let other = "`packages = [\".\"]` in `[pip]`, with `allow-builds`, takes the project itself";
            let command = format!("uv pip compile {name} --output-file requirements.txt");
            format!("{}; {other}", into(&command))
        }
        "pixi.toml" | "mojoproject.toml" => "`pixi lock` writes `pixi.lock`: name that".to_owned(),
        "conda.yaml" | "meta.yaml" | "recipe.yaml" => {
            "a recipe says how one package is built: list what the image needs in an environment file"
                .to_owned()
        }
        "Dockerfile" | "Containerfile" => {
            "what it installs belongs into `[conda]`, `[pip]` and `[base] packages`".to_owned()
        }
        _ => return None,
    })
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
        assert_eq!(nearest("nunpy", ["numba", "numpy"]), Some("numpy"));
        assert_eq!(nearest("x", [""; 0]), None);
        assert_eq!(nearest("conda", &known), None);
    }
}
