//! Where an image differs from what its lock makes, for people.

use std::fmt;

/// Where an image differs first from the one that its lock makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Something in a layer.
    Layer {
        /// Which one, the first being 1.
        number: usize,
        /// What is in it.
        title: String,
        /// What differs.
        what: InLayer,
    },
    /// It has another number of layers.
    Layers {
        /// How many the image has.
        image: usize,
        /// How many its lock makes.
        rebuilt: usize,
    },
    /// Something in its configuration or its manifest.
    Document {
        /// Which document.
        document: &'static str,
        /// Where, as a JSON pointer (RFC 6901).
        place: String,
        /// What the image has there.
        image: String,
        /// What its lock makes.
        rebuilt: String,
    },
}

/// What differs in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InLayer {
    /// Another entry stands where one should.
    Entry {
        /// What the image has.
        image: Option<String>,
        /// What its lock makes.
        rebuilt: Option<String>,
    },
    /// The same entry has another kind, mode, owner, time or size.
    Head {
        /// The entry.
        path: String,
        /// Whose it is.
        of: Vec<String>,
    },
    /// A file has another byte.
    Byte {
        /// The file.
        path: String,
        /// Whose it is.
        of: Vec<String>,
        /// Where in it, the first being 0.
        at: u64,
        /// What the image has there; nothing at its end.
        image: Option<u8>,
        /// What its lock makes.
        rebuilt: Option<u8>,
    },
    /// All of it is the same, and only its compression is another one.
    Compression,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { number, title, what } => write!(f, "in layer {number} ({title}) {what}"),
            Self::Layers { image, rebuilt } => write!(f, "it has {image} layers instead of {rebuilt}"),
            Self::Document { document, place, image, rebuilt } => {
                write!(f, "its {document} has {image} at `{place}`, and not {rebuilt}")
            }
        }
    }
}

impl fmt::Display for InLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |of: &[String]| match of {
            [] => String::new(),
            of => format!(" of {}", of.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" and ")),
        };
        let byte = |byte: &Option<u8>| byte.map_or("its end".to_owned(), |byte| format!("0x{byte:02x}"));
        let entry = |entry: &Option<String>| {
            entry.as_ref().map_or("its end".to_owned(), |entry| format!("`{entry}`"))
        };
        match self {
            Self::Entry { image, rebuilt } => {
                write!(f, "stands {} where {} should", entry(image), entry(rebuilt))
            }
            Self::Head { path, of } => {
                write!(f, "`{path}`{} has another kind, mode, owner, time or size", whose(of))
            }
            Self::Byte { path, of, at, image, rebuilt } => {
                let (image, rebuilt) = (byte(image), byte(rebuilt));
                write!(f, "`{path}`{} has {image} at byte {at}, and not {rebuilt}", whose(of))
            }
            Self::Compression => f.write_str("everything is the same, and it is compressed in another way"),
        }
    }
}
