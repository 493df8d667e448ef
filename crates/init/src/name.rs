//! What the image is called.

use std::path::Path;

/// The name where a folder's gives none.
const USUAL: &str = "image";

/// The name of an image that is made of what is in a folder: the folder's own, as far as it is one of an image (OCI distribution
/// specification).
pub(crate) fn of_folder(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    of_text(whole.file_name().and_then(|name| name.to_str()).unwrap_or_default())
}

/// The same of any name.
pub(crate) fn of_text(text: &str) -> String {
    let mut name = String::new();
    for character in text.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name: String = name.trim_end_matches('-').chars().take(64).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { USUAL.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_name() {
        for (text, name) in
            [("My Project_2", "my-project-2"), ("..", "image"), ("", "image"), ("été", "t"), ("a--b.", "a-b")]
        {
            assert_eq!(of_text(text), name, "{text}");
        }
    }
}
