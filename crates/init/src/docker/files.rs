//! `COPY` and `ADD`: files of the build's folder, and where they are in the image.

use imgbuild_dockerfile::{Instruction, Word};

use crate::docker::copies::{Copy, CopyOwner};
use crate::docker::taking::{Taking, unknown};
use crate::folder::{Kind, relative};
use crate::literal;

/// Takes over a `COPY` or `ADD` of the build's folder.
pub(crate) fn take(taking: &mut Taking<'_>, instruction: &Instruction) {
    let place = taking.place(instruction.line);
    let line = format!("{} {}", instruction.keyword, instruction.text);
    if !instruction.documents.is_empty() {
        return taking.leave_out(
            &place,
            &line,
            "its text stands in the Dockerfile: write it into a file beside the spec, and copy that",
        );
    }
    let words = match instruction.exec_form() {
        Some(texts) => texts.into_iter().map(|text| Word { text, ..Word::default() }).collect(),
        None => match taking.words(instruction) {
            Some(words) => words,
            None => return,
        },
    };
    let Some((target, sources)) = words.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return taking.leave_out(&place, &line, "it names no file and no place for it");
    };
    if let Some(reason) = words.iter().find_map(unknown) {
        return taking.leave_out(&place, &line, reason);
    }
    let sources: Vec<String> = sources.iter().flat_map(|word| expanded(taking, &word.text)).collect();
    let is_many = sources.len() > 1 || is_folder(taking, &target.text);
    for source in &sources {
        one(taking, instruction, (source, &target.text), is_many);
    }
}

/// Folders that images have.
const FOLDERS: [&str; 12] = [
    "/",
    "/etc",
    "/home",
    "/mnt",
    "/opt",
    "/root",
    "/srv",
    "/tmp",
    "/usr/bin",
    "/usr/local/bin",
    "/usr/src",
    "/var",
];

/// Whether a target is a folder, in which a file keeps its name.
fn is_folder(taking: &Taking<'_>, target: &str) -> bool {
    let Some(path) = taking.absolute(target) else { return false };
    let is_above = taking.workdir == path || taking.workdir.starts_with(&format!("{path}/"));
    let is_written_so =
        target.ends_with('/') || [".", ".."].contains(&target.rsplit('/').next().unwrap_or_default());
    is_written_so || is_above || FOLDERS.contains(&path.as_str()) || taking.copies.has_below(&path)
}

/// The paths that a source with `*` stands for; itself where it has none, or stands for nothing.
fn expanded(taking: &Taking<'_>, source: &str) -> Vec<String> {
    let whole = || vec![source.to_owned()];
    if !source.contains('*') || source.contains("://") {
        return whole();
    }
    let found = relative(source).and_then(|pattern| taking.folder.matches(&pattern));
    found.filter(|found| !found.is_empty()).unwrap_or_else(whole)
}

fn one(taking: &mut Taking<'_>, instruction: &Instruction, (source, target): (&str, &str), is_many: bool) {
    let place = taking.place(instruction.line);
    let line = format!("{} {source} {target}", instruction.keyword);
    if source.contains("://") || source.starts_with("git@") {
        return taking.leave_out(
            &place,
            &line,
            "nothing is downloaded but packages: download it beside the spec, and copy it",
        );
    }
    let is_archive =
        [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"].iter().any(|end| source.ends_with(end));
    if instruction.keyword == "ADD" && is_archive {
        return taking.leave_out(
            &place,
            &line,
            "it is unpacked on the way: unpack it beside the spec, and copy the folder",
        );
    }
    let (Some(from), Some(to)) = (taking.folder.of_context(source), taking.absolute(target)) else {
        return taking.leave_out(&place, &line, "a path leads out of its folder");
    };
    let Some(kind) = taking.folder.kind(&from) else {
        let reason = "there is no such file or folder where the spec stands: paths are relative to that, and `--output` says where it stands";
        return taking.leave_out(&place, &line, reason);
    };
    let name = from.rsplit('/').next().unwrap_or(&from).to_owned();
    let is_folder = kind == Kind::Folder;
    // What is in a folder comes along, and not the folder itself.
    let to = if is_many && !is_folder { format!("{}/{name}", to.trim_end_matches('/')) } else { to };
    if is_folder && to == "/" {
        return into_root(taking, instruction, &from, (&place, &line));
    }
    let owner = instruction.flag("chown").map(|owner| copy_owner(taking, owner, &line));
    let mode = instruction.flag("chmod").map(str::to_owned);
    let is_copied = !taking.is_builder;
    taking.copies.add(Copy { from, to, is_folder, owner, mode, place, is_named: false, is_copied });
}

/// What is in a folder, each for itself: nothing is copied over the root of an image.
fn into_root(taking: &mut Taking<'_>, instruction: &Instruction, from: &str, (place, line): (&str, &str)) {
    let names = taking.folder.names(from).unwrap_or_default();
    if names.is_empty() {
        return taking.leave_out(
            place,
            line,
            "nothing is copied over the root of an image: name each folder and file in it",
        );
    }
    for name in names {
        let below = if from == "." { name.clone() } else { format!("{from}/{name}") };
        let is_folder = taking.folder.kind(&below) == Some(Kind::Folder);
        let owner = instruction.flag("chown").map(|owner| copy_owner(taking, owner, line));
        let mode = instruction.flag("chmod").map(str::to_owned);
        let (to, place, is_copied) = (format!("/{name}"), place.to_owned(), !taking.is_builder);
        taking.copies.add(Copy {
            from: below,
            to,
            is_folder,
            owner,
            mode,
            place,
            is_named: false,
            is_copied,
        });
    }
}

/// The owner of what a line copies.
fn copy_owner(taking: &Taking<'_>, owner: &str, line: &str) -> CopyOwner {
    let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
    match taking.users.uid(user).zip(taking.users.gid(group)) {
        Some((uid, gid)) => CopyOwner::Numbers(format!("{uid}:{gid}")),
        None => CopyOwner::Unknown(format!("{line} (--chown={owner})")),
    }
}

/// A file that a `RUN` sees from the build's folder (`--mount=type=bind,source=…,target=…`).
pub(crate) fn mount(taking: &mut Taking<'_>, mount: &str, place: &str) {
    let value = |names: &[&str]| {
        let parts = mount.split(',').filter_map(|part| part.split_once('='));
        parts.filter(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned()).next_back()
    };
    if value(&["type"]).as_deref() != Some("bind") || value(&["from"]).is_some() {
        return;
    }
    let from = value(&["source", "src"]).unwrap_or_else(|| ".".to_owned());
    let target = value(&["target", "dst", "destination"]).and_then(|target| taking.absolute(&target));
    let (Some(from), Some(to)) = (taking.folder.of_context(&from), target) else { return };
    let Some(kind) = taking.folder.kind(&from) else { return };
    let (is_folder, place) = (kind == Kind::Folder, place.to_owned());
    let copy =
        Copy { from, to, is_folder, owner: None, mode: None, place, is_named: false, is_copied: false };
    taking.copies.add(copy);
}

/// Writes what is copied into the draft.
pub(crate) fn finish(taking: &mut Taking<'_>) {
    for copy in std::mem::take(&mut taking.copies).all() {
        if copy.is_named {
            let what = format!("COPY {} {}", copy.from, copy.to);
            taking.need_nothing(
                &copy.place,
                &what,
                "the spec names the file, and the image has no use for it",
            );
            continue;
        }
        if !copy.is_copied {
            continue;
        }
        let mut table = vec![("from", literal::text(&copy.from)), ("to", literal::text(&copy.to))];
        match copy.owner {
            None => {}
            Some(CopyOwner::Numbers(owner)) => table.push(("owner", literal::text(&owner))),
            Some(CopyOwner::Unknown(line)) => taking.leave_out(
                &copy.place,
                &line,
                "the files are copied and belong to root: `owner` names another one by numbers",
            ),
        }
        table.extend(copy.mode.map(|mode| ("mode", literal::text(&mode))));
        taking.draft.add_table("copy", table, &copy.place);
    }
}
