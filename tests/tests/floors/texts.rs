//! The texts of a crate's code: its string literals, in macros and attributes as well, but for what is documentation or a test.

use std::fs;
use std::path::{Path, PathBuf};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, Lit};

use crate::files::is_for_tests;
use crate::tokens::walk;

/// The texts of the Rust files below a folder, each with its file.
pub(super) fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut items: Vec<_> = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    items.sort();
    for path in items {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            found.extend(texts(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let code = fs::read_to_string(&path).unwrap();
            found.extend(of_code(&code).into_iter().map(|text| (path.clone(), text)));
        }
    }
    found
}

fn of_code(code: &str) -> Vec<String> {
    let mut texts = Texts::default();
    texts.visit_file(&syn::parse_file(code).unwrap());
    texts.0
}

#[derive(Default)]
struct Texts(Vec<String>);

impl<'ast> Visit<'ast> for Texts {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("doc") {
            visit::visit_attribute(self, attribute);
        }
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.push(text.value());
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
    }

    fn visit_meta_list(&mut self, item: &'ast syn::MetaList) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
    }
}

impl Texts {
    /// The texts among tokens.
    fn tokens(&mut self, cursor: Cursor<'_>) {
        walk(cursor, &mut |cursor| {
            let (literal, rest) = cursor.literal()?;
            if let Lit::Str(text) = Lit::new(literal) {
                self.0.push(text.value());
            }
            Some(rest)
        });
    }
}

#[test]
fn texts_are_found_wherever_they_stand() {
    let code = r##"
        /// "documentation"
        #[error("an attribute {}", of("its argument"))]
        struct A;
        const B: &str = r#"a constant "in quotes""#;
        fn c() { print(format!("a macro\nof two lines", vec!["one in one"])); d("an argument") }
        #[cfg(test)]
        mod tests { const E: &str = "a test"; }
    "##;
    assert_eq!(
        of_code(code),
        [
            "an attribute {}",
            "its argument",
            "a constant \"in quotes\"",
            "a macro\nof two lines",
            "one in one",
            "an argument"
        ]
    );
}
