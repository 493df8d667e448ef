//! The modules of a crate: in which file each stands, what it defines, and what it names of others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

use crate::tokens::walk;

/// Where a module stands in its crate: the names on the way from the root, which is empty.
pub(crate) type Place = Vec<String>;

/// The words of a path, as it is written.
pub(crate) type Words = Vec<String>;

/// What one module says.
#[derive(Default)]
pub(crate) struct Module {
    /// The module that its file is: itself, or the one that it is written in.
    pub(crate) file: Place,
    /// The names that it defines.
    pub(crate) items: BTreeSet<String>,
    /// The names that it gives to what stands elsewhere, and where that is.
    pub(crate) uses: Vec<(String, Words)>,
    /// The paths that its code has, in macros and attributes as well.
    pub(crate) paths: BTreeSet<Words>,
}

/// All modules of a crate but those that are for tests alone.
pub(crate) type Modules = BTreeMap<Place, Module>;

/// Reads the crate whose root is the file `root`.
pub(crate) fn modules(root: &Path) -> Modules {
    let mut modules = Modules::new();
    file(&mut modules, root, Place::new(), root.parent().unwrap());
    modules
}

/// Reads a file; those of its modules are below `folder`.
fn file(modules: &mut Modules, path: &Path, place: Place, folder: &Path) {
    let shown = path.display();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
    module(modules, &place.clone(), place, &parsed.items, folder);
}

fn module(modules: &mut Modules, file_place: &Place, place: Place, items: &[Item], folder: &Path) {
    let mut own = Module { file: file_place.clone(), ..Module::default() };
    for item in items {
        if let Item::Mod(inner) = item {
            if is_for_tests(&inner.attrs) {
                continue;
            }
            let name = inner.ident.to_string();
            let below = folder.join(&name);
            let mut inner_place = place.clone();
            inner_place.push(name);
            match &inner.content {
                Some((_, items)) => module(modules, file_place, inner_place, items, &below),
                None => {
                    let beside = below.with_extension("rs");
                    let path = if beside.exists() { beside } else { below.join("mod.rs") };
                    file(modules, &path, inner_place, &below);
                }
            }
        } else {
            own.items.extend(defined(item));
            own.visit_item(item);
        }
    }
    modules.insert(place, own);
}

/// The name that an item gives to what it defines.
fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    };
    attributes.iter().any(is_test)
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // What begins with `::` is another crate.
        if item.leading_colon.is_none() && !is_for_tests(&item.attrs) {
            self.tree(&item.tree, &Words::new());
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    /// Whoever may see an item is not named by it.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
        visit::visit_macro(self, item);
    }

    fn visit_meta_list(&mut self, item: &'ast syn::MetaList) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
        visit::visit_meta_list(self, item);
    }
}

impl Module {
    fn tree(&mut self, tree: &UseTree, before: &Words) {
        let with = |name: &syn::Ident| [before.as_slice(), &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before)),
            UseTree::Name(name) if name.ident == "self" => {
                self.uses.extend(before.last().map(|last| (last.clone(), before.clone())));
            }
            UseTree::Name(name) => self.uses.push((name.ident.to_string(), with(&name.ident))),
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.uses.push((rename.rename.to_string(), before.clone()));
            }
            UseTree::Rename(rename) => self.uses.push((rename.rename.to_string(), with(&rename.ident))),
            // Nothing can be found through it, so the module itself counts.
            UseTree::Glob(_) => self.uses.push(("*".to_owned(), before.clone())),
        }
    }

    /// The paths among tokens.
    fn tokens(&mut self, cursor: Cursor<'_>) {
        walk(cursor, &mut |cursor| {
            let (words, rest) = path(cursor)?;
            if words.len() > 1 {
                self.paths.insert(words);
            }
            Some(rest)
        });
    }
}

/// The path that begins with a token, and what follows it.
fn path(cursor: Cursor<'_>) -> Option<(Words, Cursor<'_>)> {
    let (first, mut after) = cursor.ident()?;
    let mut words = vec![first.to_string()];
    while let Some(rest) = colons(after) {
        after = rest;
        let Some((word, rest)) = after.ident() else { break };
        words.push(word.to_string());
        after = rest;
    }
    Some((words, after))
}

fn colons(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, rest) = cursor.punct()?;
    let (second, rest) = rest.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(rest)
}
