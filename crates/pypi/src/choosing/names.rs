//! Names of projects, for hints: what one that no index has may have been meant to be.

/// What is imported under another name than it is installed by.
const IMPORTED: [(&str, &str); 24] = [
    ("attr", "attrs"),
    ("bio", "biopython"),
    ("bs4", "beautifulsoup4"),
    ("cairosvg2", "cairosvg"),
    ("crypto", "pycryptodome"),
    ("cv2", "opencv-python-headless"),
    ("dateutil", "python-dateutil"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("fitz", "pymupdf"),
    ("git", "gitpython"),
    ("jose", "python-jose"),
    ("jwt", "pyjwt"),
    ("mpl-toolkits", "matplotlib"),
    ("pil", "pillow"),
    ("pptx", "python-pptx"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("telegram", "python-telegram-bot"),
    ("usb", "pyusb"),
    ("win32api", "pywin32"),
    ("yaml", "pyyaml"),
    ("zmq", "pyzmq"),
];

/// What is asked for most.
const KNOWN: &str = include_str!("names.txt");

/// What is said of a name that no index has, where there is something to say.
pub(crate) fn hint(name: &str) -> Option<String> {
    let near = imported(name).or_else(|| nearest(name))?;
    Some(format!("did you mean `{near}`?"))
}

/// The project that is imported by a name, where it has another one.
pub(crate) fn imported(name: &str) -> Option<&'static str> {
    IMPORTED.iter().find(|(module, _)| *module == name).map(|(_, project)| *project)
}

/// The name that differs in no more than a few letters.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(name, known);
    let near = KNOWN.lines().filter(|known| !known.is_empty()).min_by_key(|known| distance(known))?;
    // Of short names, two letters are another word.
    let most = if near.len() < 6 { 1 } else { 2 };
    (distance(near) <= most).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_name_is_not() {
        let said = |name: &str| hint(name).unwrap_or_default();
        assert_eq!(said("nunpy"), "did you mean `numpy`?");
        assert_eq!(said("scikitlearn"), "did you mean `scikit-learn`?");
        assert_eq!(said("transfomers"), "did you mean `transformers`?");
        assert_eq!(said("cv2"), "did you mean `opencv-python-headless`?");
        assert_eq!(said("our-own-package"), "");
        assert_eq!(said("abcd"), "");
    }

    #[test]
    fn the_names_are_normalised_and_sorted() {
        let names: Vec<&str> = KNOWN.lines().collect();
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| crate::normalized(name) == *name));
    }
}
