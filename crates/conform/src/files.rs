//! What the files of an image tell.

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Node, NodeKind};

use crate::image::Inspected;
use crate::verdict::Verdict;

/// The right of a group to write.
const GROUP_WRITES: u32 = 0o020;
/// The right of everybody else to write.
const OTHERS_WRITE: u32 = 0o002;
/// The rights to execute.
const EXECUTES: u32 = 0o111;

/// Where homes are, beside the user's own.
const HOMES: [&str; 2] = ["/root", "/home"];

/// A node's rights as people write them.
fn rights(node: &Node) -> String {
    format!("{:04o} {}:{}", node.mode, node.owner.uid, node.owner.gid)
}

pub(crate) fn home_of_group_root(image: &Inspected) -> Verdict {
    let home = image.home();
    match image.find(&home) {
        Some((_, node)) => {
            let holds = node.kind == NodeKind::Directory
                && (node.mode & OTHERS_WRITE != 0
                    || node.owner.gid == 0 && node.mode & GROUP_WRITES != 0 && node.mode & 0o010 != 0);
            Verdict::of(holds, format!("`{home}` is {}", rights(node)))
        }
        None => Verdict::Fails(format!("there is no `{home}`")),
    }
}

pub(crate) fn passwd_of_root(image: &Inspected) -> Verdict {
    match image.find("/etc/passwd") {
        Some((_, node)) => {
            let holds = node.owner.uid == 0 && node.mode & (GROUP_WRITES | OTHERS_WRITE) == 0;
            Verdict::of(holds, format!("it is {}", rights(node)))
        }
        None => Verdict::Holds("it has none".to_owned()),
    }
}

/// Nothing that is executed, and no environment of Python's or conda's, lies in a home.
pub(crate) fn nothing_in_homes(image: &Inspected) -> Verdict {
    let own = image.home();
    let homes = HOMES.into_iter().chain([own.as_str()]).filter(|home| *home != "/");
    let works = |(path, node): &(&ImagePath, &Node)| {
        matches!(node.kind, NodeKind::File { .. }) && node.mode & EXECUTES != 0
            || ["conda-meta", "site-packages", "pyvenv.cfg"].contains(&path.file_name())
    };
    for home in homes {
        let Some((home, _)) = image.find(home) else { continue };
        if let Some((path, _)) = image.merged.below(&home).find(works) {
            return Verdict::Fails(format!("there is `{path}`"));
        }
    }
    Verdict::Holds("nothing there is executed".to_owned())
}

pub(crate) fn nothing_in(image: &Inspected, folders: &[&str]) -> Verdict {
    for folder in folders {
        let Some((found, _)) = image.find(folder) else { continue };
        if let Some((path, _)) = image.merged.below(&found).next() {
            return Verdict::Fails(format!("there is `{path}`"));
        }
    }
    Verdict::Holds("they are empty, or not there".to_owned())
}

pub(crate) fn programs(image: &Inspected, all: &[&[&str]]) -> Verdict {
    let is_absent = |any: &&&[&str]| !any.iter().any(|name| image.program(name).is_some());
    let absent: Vec<String> = all.iter().filter(is_absent).map(|any| any.join(" or ")).collect();
    if absent.is_empty() {
        return Verdict::Holds("all are there".to_owned());
    }
    Verdict::Fails(format!("there is no {}", absent.join(", ")))
}

/// A virtual environment has no modules of users; any other Python is told where to look for them, or not to.
pub(crate) fn no_foreign_modules(image: &Inspected) -> Verdict {
    let of_virtual = image.python().filter(|python| {
        let folder = python.rsplit_once("/bin/").map_or("", |(folder, _)| folder);
        image.find(&format!("{folder}/pyvenv.cfg")).is_some() && !image.sees_system(folder)
    });
    if let Some(python) = of_virtual {
        return Verdict::Holds(format!("`{python}` is of a virtual environment"));
    }
    for name in ["PYTHONNOUSERSITE", "PYTHONUSERBASE"] {
        if let Some(value) = image.variable(name).filter(|value| !value.is_empty()) {
            return Verdict::Holds(format!("`{name}={value}`"));
        }
    }
    Verdict::Fails("neither `PYTHONNOUSERSITE` nor `PYTHONUSERBASE` is set".to_owned())
}

pub(crate) fn glibc(image: &Inspected, (major, minor): (u32, u32)) -> Verdict {
    let Some(version) = &image.facts.glibc else {
        return match image.facts.musl {
            true => Verdict::Unknown("it has musl, for which some editors have a server too".to_owned()),
            false => Verdict::Fails("it has none".to_owned()),
        };
    };
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Verdict::of(found >= (major, minor), format!("it has {version}"))
}

/// The C++ library of the system, whose file has its version: programs that are brought along find no other.
pub(crate) fn libstdcxx(image: &Inspected, least: u32) -> Verdict {
    let folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/lib64",
        "/lib",
    ];
    let found = folders.iter().find_map(|folder| image.find(&format!("{folder}/libstdc++.so.6")));
    match found {
        Some((path, _)) => {
            let name = path.file_name();
            let number = name.strip_prefix("libstdc++.so.6.0.").and_then(|it| it.parse::<u32>().ok());
            Verdict::of(number.is_some_and(|number| number >= least), format!("it has `{name}`"))
        }
        None => Verdict::Fails("it has none".to_owned()),
    }
}

pub(crate) fn loader_cache(image: &Inspected) -> Verdict {
    if image.facts.musl {
        return Verdict::Holds("it has musl, which needs none".to_owned());
    }
    let cache = image.find("/etc/ld.so.cache");
    if !cache.is_some_and(|(_, node)| matches!(node.kind, NodeKind::File { size } if size > 0)) {
        return Verdict::Fails("there is no `/etc/ld.so.cache`".to_owned());
    }
    let folder = image.find("/etc/ld.so.conf.d");
    let is_folder = folder.is_some_and(|(_, node)| node.kind == NodeKind::Directory);
    Verdict::of(is_folder, if is_folder { "both are there" } else { "there is no `/etc/ld.so.conf.d`" })
}

/// The version of its `JupyterHub`, by the folder of its metadata.
pub(crate) fn hub_version(image: &Inspected) -> Verdict {
    let version = image.merged.iter().find_map(|(path, _)| {
        let rest = path.file_name().strip_prefix("jupyterhub-")?;
        rest.strip_suffix(".dist-info").or_else(|| rest.strip_suffix(".egg-info"))
    });
    match version {
        Some(version) => {
            Verdict::Unknown(format!("it has {version}: which version the hub has, only the hub knows"))
        }
        None => Verdict::Fails("it has no JupyterHub".to_owned()),
    }
}
