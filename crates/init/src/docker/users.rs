//! `useradd` and its like, and `USER`.

use imgbuild_dockerfile::Word;

use crate::docker::accounts::User;
use crate::docker::taking::{Taking, unknown};

/// Takes over a call of `useradd`, `adduser` or `groupadd`.
pub(crate) fn take(taking: &mut Taking<'_>, program: &str, arguments: &[Word], text: &str, place: &str) {
    let mut words = arguments.iter();
    let (mut user, mut names) = (User { place: place.to_owned(), ..User::default() }, Vec::new());
    let mut group = None;
    while let Some(word) = words.next() {
        let (option, joined) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (word.text.as_str(), None),
        };
        let mut value =
            || joined.clone().or_else(|| words.next().map(|word| word.text.clone())).unwrap_or_default();
        match option {
            "-u" | "--uid" => user.uid = value().parse().ok(),
            "-g" | "--gid" | "--ingroup" => group = Some(value()),
            "-s" | "--shell" | "-d" | "--home" | "--home-dir" | "-G" | "--groups" | "-c" | "--comment"
            | "--gecos" | "-b" | "-k" | "-p" | "--password" | "-e" | "-K" => drop(value()),
            _ if option.starts_with('-') => {}
            _ if unknown(word).is_none() => names.push(word.text.clone()),
            _ => {}
        }
    }
    let group = group.and_then(|group| taking.users.gid(&group));
    let Some(name) = names.into_iter().next() else {
        return taking.leave_out(
            place,
            text,
            "the user's name is not known here: `[user]` has its `name` and `uid`",
        );
    };
    match program {
        "groupadd" | "addgroup" => {
            // Without a number it gets the first free one.
            taking.users.groups.insert(name, group.or(user.uid).unwrap_or(1000));
        }
        _ => {
            user.gid = group;
            taking.users.users.insert(name, user);
        }
    }
}

/// Writes the user into the draft.
pub(crate) fn finish(taking: &mut Taking<'_>) {
    if let Some(place) = taking.users.sudo.take() {
        taking.draft.set_literal("user.sudo", "true".to_owned(), &place);
    }
    let Some((current, place)) = taking.users.current.take() else { return };
    let (name, group) = current.split_once(':').unwrap_or((&current, ""));
    if taking.users.uid(name) == Some(0) {
        return taking.draft.set("image.user", "root", &place);
    }
    let known = taking.users.users.get(name).cloned();
    let place = known.as_ref().map_or(place.clone(), |user| user.place.clone());
    let uid = name.parse().ok().or(known.as_ref().and_then(|user| user.uid));
    let gid = taking.users.gid(group).or(known.and_then(|user| user.gid));
    if name.parse::<u32>().is_err() {
        taking.draft.set("user.name", name, &place);
    }
    for (key, number) in [("user.uid", uid), ("user.gid", gid)] {
        if let Some(number) = number.filter(|number| *number > 0) {
            taking.draft.set_literal(key, number.to_string(), &place);
        }
    }
}
