//! Circles of imports between the files of one crate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use crate::files::{Modules, Place, modules};

/// The files that each file imports, and which names it imports of them.
type Imports = BTreeMap<Place, BTreeMap<Place, BTreeSet<String>>>;

/// How often a name may be given on before it counts as where it then is: circles of `pub use` are none that compile.
const MOST_GIVEN_ON: usize = 16;

/// The circles of the crate whose root is the file `root`, as `a -> b (Name) -> a (Other)`: the shortest one through each file
/// that is in any, each once. A file may import those that its module is in, and be imported by them.
pub(crate) fn circles(root: &Path) -> Vec<String> {
    let imports = imports(&modules(root));
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for start in imports.keys() {
        if told.contains(start) {
            continue;
        }
        let Some(circle) = circle(&imports, start) else { continue };
        circles.push(shown(&imports, &circle));
        told.extend(circle);
    }
    circles
}

fn imports(modules: &Modules) -> Imports {
    let mut imports = Imports::new();
    for (place, module) in modules {
        let paths = module.uses.iter().map(|(_, path)| path).chain(&module.paths);
        for path in paths {
            let Some((file, name)) = found(modules, place, path, 0) else { continue };
            let own = &module.file;
            if !file.starts_with(own) && !own.starts_with(&file) {
                imports.entry(own.clone()).or_default().entry(file).or_default().insert(name);
            }
        }
    }
    imports
}

/// The file in which a path ends that is written in the module `scope`, and the name that it has there; nothing where the path
/// leads out of the crate, or nowhere.
fn found(modules: &Modules, scope: &Place, path: &[String], given_on: usize) -> Option<(Place, String)> {
    let (first, rest) = path.split_first()?;
    let (mut place, mut rest) = match first.as_str() {
        "crate" => (Place::new(), rest),
        "self" => (scope.clone(), rest),
        "super" => (scope.split_last()?.1.to_vec(), rest),
        name if knows(modules, scope, name) => (scope.clone(), path),
        _ => return None,
    };
    while let Some(("super", behind)) = rest.split_first().map(|(word, behind)| (word.as_str(), behind)) {
        place.pop()?;
        rest = behind;
    }
    while let Some((name, behind)) = rest.split_first() {
        let below = [place.as_slice(), std::slice::from_ref(name)].concat();
        let module = modules.get(&place)?;
        if modules.contains_key(&below) {
            (place, rest) = (below, behind);
        } else if module.items.contains(name) || given_on > MOST_GIVEN_ON {
            break;
        } else {
            let targets = module.uses.iter().filter(|(used, _)| used == name);
            let mut targets = targets.map(|(_, target)| [target.as_slice(), behind].concat()).peekable();
            if targets.peek().is_none() {
                // A macro has defined it.
                break;
            }
            // Functions may use several things by one name: the first that is of this crate stands for them.
            return targets.find_map(|path| found(modules, &place, &path, given_on + 1));
        }
    }
    let name = rest.first().or(place.last()).cloned().unwrap_or_else(|| "crate".to_owned());
    Some((modules.get(&place)?.file.clone(), name))
}

/// Whether a path may begin so in a module, and lead somewhere in the crate.
fn knows(modules: &Modules, scope: &Place, name: &str) -> bool {
    let module = &modules[scope];
    let below = [scope.as_slice(), &[name.to_owned()]].concat();
    modules.contains_key(&below) || module.uses.iter().any(|(used, path)| used == name && path[0] != name)
}

/// The shortest way along imports from a file back to it, without its end.
fn circle(imports: &Imports, start: &Place) -> Option<Vec<Place>> {
    let mut before: BTreeMap<&Place, &Place> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut way = vec![file.clone()];
                let mut at = file;
                while at != start {
                    at = before[at];
                    way.push(at.clone());
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(next) {
                before.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    None
}

fn shown(imports: &Imports, circle: &[Place]) -> String {
    let file = |place: &Place| if place.is_empty() { "crate".to_owned() } else { place.join("/") };
    let mut text = file(&circle[0]);
    for (from, to) in circle.iter().zip(circle.iter().cycle().skip(1)) {
        let names: Vec<&str> = imports[from][to].iter().map(String::as_str).collect();
        text.push_str(&format!(" -> {} ({})", file(to), names.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::circles;

    /// The circles of a crate of these files.
    fn of(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        circles(&folder.path().join("lib.rs"))
    }

    #[test]
    fn a_circle_is_found_and_told_once() {
        let found = of(&[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; fn c() { super::c::C::new(); }"),
            ("c.rs", "pub struct C; macro_rules! make { () => { $crate::a::A }; }"),
            ("d.rs", "use crate::a::A; pub struct D(A);"),
        ]);
        assert_eq!(found, ["a -> b (B) -> c (C) -> a (A)"]);
    }

    #[test]
    fn a_circle_in_macros_and_attributes_is_found() {
        let found = of(&[
            ("lib.rs", "mod a; mod b; mod other { pub mod c; }"),
            ("a.rs", "#[error(\"{}\", crate::b::name(*.0))] pub struct A;"),
            ("b.rs", "pub fn name() { println!(\"{}\", [crate::other::c::C]); }"),
            ("other/c.rs", "pub struct C { a: Vec<super::super::a::A> }"),
        ]);
        assert_eq!(found, ["a -> b (name) -> other/c (C) -> a (A)"]);
    }

    #[test]
    fn a_module_and_those_that_it_is_in_make_none() {
        let found = of(&[
            ("lib.rs", "mod a; pub use a::A; pub struct Root;"),
            ("a/mod.rs", "mod b; pub(crate) mod c; pub use b::B; pub struct A(c::d::D);"),
            ("a/b.rs", "use super::A; use crate::Root; pub struct B(A, Root);"),
            ("a/c.rs", "pub mod d;"),
            ("a/c/d.rs", "pub struct D(Box<crate::A>);"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_circle_through_names_that_others_give_on_is_found() {
        let found = of(&[
            ("lib.rs", "mod a; mod b; pub use a::{A as First, Other}; pub use b::inner::B;"),
            ("a.rs", "pub struct A(crate::B); pub struct Other;"),
            ("b/mod.rs", "pub mod inner; use crate::First;"),
            ("b/inner.rs", "use super::First as Mine; pub struct B(Mine);"),
        ]);
        assert_eq!(found, ["a -> b/inner (B) -> a (A)"]);
    }

    #[test]
    fn a_name_counts_where_it_is_defined() {
        let found = of(&[
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::{B, Low};"),
            ("a.rs", "use crate::Low; pub struct A(Low);"),
            ("b/mod.rs", "mod low; pub use low::Low; pub struct B(crate::A);"),
            ("b/low.rs", "use std::io; pub struct Low(io::Error);"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn what_is_for_tests_alone_makes_none() {
        let found = of(&[
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod absent;"),
            ("a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"),
            ("b.rs", "pub struct B(crate::a::A); #[cfg(test)] fn b() { crate::a::A; }"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
