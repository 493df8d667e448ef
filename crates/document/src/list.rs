//! Lists that are sets.

use crate::decode::Located;
use crate::mistake::Mistake;
use crate::problem::Problem;
use crate::source::Source;

/// A list that, where it is written, must hold something, and nothing twice.
pub fn unique<T: Ord + Clone + ToString>(
    key: &str,
    list: Option<Located<Vec<Located<T>>>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<Vec<T>> {
    let list = list?;
    if list.value.is_empty() {
        let mistake = Mistake::EmptyList { key: key.to_owned() };
        let problem = Problem::new(mistake).at(source, list.span.clone(), "here");
        problems.push(problem.hint("remove the key for its default"));
    }
    check_unique(key, &list.value, source, problems);
    Some(list.value.into_iter().map(|located| located.value).collect())
}

/// Nothing twice.
pub fn check_unique<T: ToString>(
    key: &str,
    items: &[Located<T>],
    source: &Source,
    problems: &mut Vec<Problem>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        let text = item.value.to_string();
        if !seen.insert(text.clone()) {
            let mistake = Mistake::List { key: key.to_owned(), fault: format!("has `{text}` twice") };
            problems.push(Problem::new(mistake).at(source, item.span.clone(), "again"));
        }
    }
}
