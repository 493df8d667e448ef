//! `update-alternatives`: the links, and its own record of them.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;

use super::collect::BasePackages;
use super::tree::Tree;
use crate::package::deb::merged;
use crate::package::effects::Alternative;

/// Writes every name with alternatives in its automatic mode: the choice with the highest priority, of equal ones
/// that which came first.
pub(crate) fn install(alternatives: &[&Alternative], collected: &BasePackages, tree: &mut Tree) {
    let mut by_name: BTreeMap<&str, Vec<&Alternative>> = BTreeMap::new();
    let there = |path: &str| {
        let path = ImagePath::from_absolute(path).and_then(merged);
        path.is_ok_and(|path| collected.paths.contains(&path) || tree.contains(&path))
    };
    // What was left out of the packages is no choice.
    for alternative in alternatives.iter().filter(|it| there(&it.path)) {
        by_name.entry(&alternative.name).or_default().push(alternative);
    }
    for (name, choices) in by_name {
        if let Some(best) = choices.iter().rev().max_by_key(|it| it.priority) {
            link(name, best, collected, tree);
            tree.file(
                &format!("/var/lib/dpkg/alternatives/{name}"),
                0o644,
                "root",
                record(best, &choices).as_bytes(),
            );
        }
    }
}

fn link(name: &str, best: &Alternative, collected: &BasePackages, tree: &mut Tree) {
    tree.link(&best.link, &format!("/etc/alternatives/{name}"));
    tree.link(&format!("/etc/alternatives/{name}"), &best.path);
    for slave in &best.slaves {
        // A slave whose file is not there gets no link: Debian's minimal images leave manual pages out.
        let path = ImagePath::from_absolute(&slave.path).and_then(merged);
        if path.is_ok_and(|path| collected.paths.contains(&path) || tree.contains(&path)) {
            tree.link(&slave.link, &format!("/etc/alternatives/{}", slave.name));
            tree.link(&format!("/etc/alternatives/{}", slave.name), &slave.path);
        }
    }
}

/// The file below `/var/lib/dpkg/alternatives`: the mode, the links, and every choice, sorted.
fn record(best: &Alternative, choices: &[&Alternative]) -> String {
    let mut slaves = BTreeMap::new();
    for slave in choices.iter().flat_map(|it| &it.slaves) {
        slaves.entry(&slave.name).or_insert(&slave.link);
    }
    let mut text = format!("auto\n{}\n", best.link);
    for (name, link) in &slaves {
        text.push_str(&format!("{name}\n{link}\n"));
    }
    text.push('\n');
    let mut sorted = choices.to_vec();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    for choice in sorted {
        text.push_str(&format!("{}\n{}\n", choice.path, choice.priority));
        for name in slaves.keys() {
            let path = choice.slaves.iter().find(|it| it.name == **name).map_or("", |it| &it.path);
            text.push_str(&format!("{path}\n"));
        }
    }
    text.push('\n');
    text
}
