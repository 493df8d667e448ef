//! `[matrix]`.

use std::collections::BTreeMap;
use std::fmt;

use imgbuild_document::{Literal, Located};
use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// One image for each combination of the keys' values.
///
/// Every key but `exclude` is yours to name. A key that nothing uses is an error.
#[derive(Debug, Default, JsonSchema)]
#[schemars(extend("examples" = [matrix_example()]))]
pub(crate) struct Matrix {
    /// Combinations to leave out: each item leaves out all that have its values.
    #[schemars(with = "Option<Vec<BTreeMap<String, Literal>>>", extend("default" = []))]
    pub(crate) exclude: Vec<Located<ExcludeItem>>,
    /// The values of a key: strings, or numbers, which stay as they are written.
    #[schemars(flatten, with = "BTreeMap<String, Vec<Literal>>")]
    pub(crate) keys: Vec<(Located<String>, Vec<Located<Literal>>)>,
}

/// One item of `exclude`: keys, in the order of writing, and the value that each has in what is left out.
#[derive(Debug)]
pub(crate) struct ExcludeItem(pub(crate) Vec<(Located<String>, Literal)>);

fn matrix_example() -> serde_json::Value {
    serde_json::json!({
        "python": ["3.9", "3.11"],
        "cuda": ["11.8", "12.4"],
        "exclude": [{ "python": "3.9", "cuda": "12.4" }],
    })
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MatrixVisitor)
    }
}

struct MatrixVisitor;

impl<'de> Visitor<'de> for MatrixVisitor {
    type Value = Matrix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Matrix, A::Error> {
        let mut matrix = Matrix::default();
        while let Some(key) = access.next_key::<Located<String>>()? {
            if key.value == "exclude" {
                matrix.exclude = access.next_value()?;
            } else {
                let values = access.next_value()?;
                matrix.keys.push((key, values));
            }
        }
        Ok(matrix)
    }
}

impl<'de> Deserialize<'de> for ExcludeItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ExcludedVisitor)
    }
}

struct ExcludedVisitor;

impl<'de> Visitor<'de> for ExcludedVisitor {
    type Value = ExcludeItem;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<ExcludeItem, A::Error> {
        let mut values = Vec::new();
        while let Some(entry) = access.next_entry()? {
            values.push(entry);
        }
        Ok(ExcludeItem(values))
    }
}
