//! What an image's configuration and its merged layers tell, without running it.

use crate::demand::Condition;
use crate::image::Inspected;
use crate::trial::Trial;
use crate::verdict::Verdict;
use crate::{devcontainer, files};

/// What reaps processes as the first one, by the names of its program.
const INITS: [&str; 6] = ["tini", "tini-static", "dumb-init", "docker-init", "catatonit", "s6-svscan"];

/// What becomes of a condition; what has to be run for it, where looking does not tell.
pub(crate) fn look(condition: Condition, image: &Inspected) -> Result<Verdict, &'static Trial> {
    Ok(match condition {
        Condition::Trial(trial) => return Err(trial),
        Condition::Starts => starts(image),
        Condition::StartIsThere => start_is_there(image),
        Condition::Init => init(image),
        Condition::HealthcheckIsThere => healthcheck_is_there(image),
        Condition::Layers(most) => Verdict::of(image.layers <= most, format!("it has {}", image.layers)),
        Condition::NoGroup => Verdict::of(!image.config.user.contains(':'), user(image)),
        Condition::NumberNotRoot => {
            let number = image.user_text().parse::<u32>();
            Verdict::of(number.is_ok_and(|number| number != 0), user(image))
        }
        Condition::RunsAsRoot => Verdict::of(image.user().is_some_and(|(uid, _)| uid == 0), user(image)),
        Condition::UserIsKnown => user_is_known(image),
        Condition::HasUser(uid) => has_user(image, uid),
        Condition::HomeIs(home) => Verdict::of(image.home() == home, format!("it is `{}`", image.home())),
        Condition::HomeOfGroupRoot => files::home_of_group_root(image),
        Condition::PasswdOfRoot => files::passwd_of_root(image),
        Condition::NothingInHomes => files::nothing_in_homes(image),
        Condition::NothingIn(folders) => files::nothing_in(image, folders),
        Condition::Programs(all) => files::programs(image, all),
        Condition::Program(path) => {
            let holds = image.has_program(path);
            Verdict::of(holds, if holds { "it is there" } else { "it is not there" })
        }
        Condition::Port(port) => Verdict::of(image.ports().contains(&port), ports(image)),
        Condition::PortsOfUsers => {
            let privileged = image.ports().into_iter().any(|port| port < 1024);
            Verdict::of(!privileged, ports(image))
        }
        Condition::PlainValues => plain_values(image),
        Condition::Variable(name, refused) => {
            let found = image.variable(name);
            Verdict::of(found.is_some_and(|value| !refused.contains(&value)), value(name, found))
        }
        Condition::VariableHas(name, words) => {
            let found = image.variable(name);
            let has = |value: &str| value.split(',').any(|word| words.contains(&word.trim()));
            Verdict::of(found.is_some_and(has), value(name, found))
        }
        Condition::NoForeignModules => files::no_foreign_modules(image),
        Condition::Glibc(major, minor) => files::glibc(image, (major, minor)),
        Condition::Libstdcxx(number) => files::libstdcxx(image, number),
        Condition::LoaderCache => files::loader_cache(image),
        Condition::DevContainerLabel => devcontainer::label(image),
        Condition::HubVersion => files::hub_version(image),
    })
}

fn value(name: &str, found: Option<&str>) -> String {
    found.map_or("it is not set".to_owned(), |found| format!("`{name}={found}`"))
}

fn user(image: &Inspected) -> String {
    match image.config.user.as_str() {
        "" => "it names none, which is root".to_owned(),
        user => format!("it is `{user}`"),
    }
}

fn ports(image: &Inspected) -> String {
    let ports = image.ports();
    if ports.is_empty() {
        return "it names no port".to_owned();
    }
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn starts(image: &Inspected) -> Verdict {
    let words = image.words();
    Verdict::of(
        !words.is_empty(),
        if words.is_empty() { "nothing".to_owned() } else { format!("`{}`", words.join(" ")) },
    )
}

/// The programs that it starts: the first, and the one behind an init's `--`.
fn started<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let behind = words.iter().position(|word| *word == "--").and_then(|at| words.get(at + 1));
    let is_init = words.first().is_some_and(|first| is_init(first));
    words.first().into_iter().chain(behind.filter(|_| is_init)).copied().collect()
}

fn start_is_there(image: &Inspected) -> Verdict {
    let words = image.words();
    let started = started(&words);
    if started.is_empty() {
        return Verdict::Fails("it starts nothing".to_owned());
    }
    match started.iter().find(|program| image.program(program).is_none()) {
        Some(absent) => Verdict::Fails(format!("there is no program `{absent}`")),
        None => Verdict::Holds(format!("`{}`", started.join("`, `"))),
    }
}

fn is_init(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    // s6's overlay has its own at the root.
    INITS.contains(&name) || program == "/init"
}

fn init(image: &Inspected) -> Verdict {
    let words = image.words();
    match words.first() {
        Some(first) => Verdict::of(is_init(first), format!("it starts `{first}`")),
        None => Verdict::Fails("it starts nothing".to_owned()),
    }
}

fn healthcheck_is_there(image: &Inspected) -> Verdict {
    let test = image.config.healthcheck.as_ref().map(|check| check.test.as_slice()).unwrap_or_default();
    match test.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["NONE", ..] => Verdict::Holds("it has none".to_owned()),
        ["CMD", program, ..] => Verdict::of(image.program(program).is_some(), format!("it is `{program}`")),
        [_, line @ ..] => {
            Verdict::of(image.has_program("/bin/sh"), format!("`/bin/sh` runs `{}`", line.join(" ")))
        }
    }
}

fn user_is_known(image: &Inspected) -> Verdict {
    match image.user() {
        Some((uid, gid)) => Verdict::Holds(format!("{uid}:{gid}")),
        None => Verdict::Fails(format!("it has no user or group `{}`", image.config.user)),
    }
}

fn has_user(image: &Inspected, uid: u32) -> Verdict {
    match image.facts.accounts.login(uid) {
        Some((name, home)) => Verdict::Holds(format!("it is `{name}`, at home in `{home}`")),
        None => Verdict::Fails(format!("it has no user {uid}")),
    }
}

/// Whether a shell, or what quotes for one, makes something else of a character.
fn is_evaluated(character: char) -> bool {
    ['$', '`', '\\', '"', '\''].contains(&character) || character.is_control()
}

fn plain_values(image: &Inspected) -> Verdict {
    let evaluated =
        |variable: &&String| variable.split_once('=').is_some_and(|(_, value)| value.contains(is_evaluated));
    match image.config.env.iter().find(evaluated) {
        Some(variable) => {
            let name = variable.split_once('=').map_or(variable.as_str(), |(name, _)| name);
            Verdict::Fails(format!("that of `{name}` does not"))
        }
        None => Verdict::Holds(format!("all {}", image.config.env.len())),
    }
}
