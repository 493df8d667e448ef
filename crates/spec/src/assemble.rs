//! The conda environment, put together from `[conda]` and the file that `env` names.

use imgbuild_document::{Located, Mistake, Origin, Problem, Requirement, Source, list};
use imgbuild_environment::{Channel, ChannelName, Environment, LockFormat, OtherLock, PackageName};
use imgbuild_secret::SecretText;

use crate::language::{CondaTable, Manager, PythonFrom};
use crate::pip::brings_python;
use crate::variant::{Conda, CondaPackages};

/// The channel where the spec and its environment file name none.
const DEFAULT_CHANNEL: &str = "conda-forge";

/// The environment; nothing where neither packages, a file, a manager nor conda's Python are asked for. Where the file
/// holds locked packages, they are given beside it: which these are depends on the platform. `python` is the Python that
/// the spec asks for by its key, and `file_key` the key that names the file.
pub(crate) fn conda(
    table: CondaTable,
    environment: Option<Environment>,
    python: Option<PythonFrom>,
    file_key: &str,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<(Conda, Option<OtherLock>)> {
    let asked = table.packages.as_ref().is_some_and(|packages| !packages.is_empty());
    let pip = table.pip.as_ref().is_none_or(|located| located.value);
    let pip_part = environment.as_ref().filter(|_| pip && python.is_none()).and_then(Environment::pip_part);
    let environment = environment.filter(|it| pip_part.is_some() || it.is_of_conda());
    let from_conda = python == Some(PythonFrom::Conda);
    table.channels.iter().for_each(|channels| check_channels(channels, source, problems));
    if !asked && environment.is_none() && !from_conda && table.manager() == Manager::None {
        return None;
    }
    let writable = writable(&table, source, problems);
    problems.extend(run_and_skipped(&table, source));
    let environment = environment.unwrap_or_default();
    problems.extend(environment.locked.iter().filter_map(|lock| beside_lock(&table, lock, file_key, source)));
    let mut requirements = own_requirements(&table, source);
    requirements.extend(environment.requirements.into_iter().filter(|_| environment.locked.is_none()));
    let brings = |requirement: &Requirement| brings_python(requirement.text.whole());
    let pip_part = pip_part.filter(|_| environment.locked.is_none() && !requirements.iter().any(brings));
    // What conda does, and says that it does it.
    let pip_of_part = |origin: &Origin| Requirement { text: SecretText::new("pip"), origin: origin.clone() };
    requirements.extend(pip_part.iter().map(pip_of_part));
    let manager = table.manager();
    let channels_are_open =
        table.channels.is_none() && !environment.no_defaults && environment.locked.is_none();
    let mut channels = channels(table.channels, environment.channels, source);
    if environment.locked.is_none() {
        add_channels(&mut channels, &requirements);
    }
    let conda = Conda {
        channels,
        channels_are_open,
        packages: CondaPackages::Requirements(requirements),
        channel_priority: table.channel_priority,
        prefix: table.prefix.unwrap_or_default(),
        root_prefix: None,
        manager,
        manager_origin: table.manager.as_ref().map(|located| located.origin(source)),
        pip,
        pip_part,
        writable,
        mirrors: table.mirrors,
        exclude_newer: table.exclude_newer.map(|time| time.value),
        allow_post_link: table.allow_post_link.into_iter().map(|located| located.value).collect(),
        skip_post_link: table.skip_post_link,
        accept_damaged: table.accept_damaged,
        environment_name: environment.name,
        alias: None,
        variables: environment.variables,
    };
    Some((conda, environment.locked))
}

/// Packages whose post-link scripts are to be run and to be skipped.
fn run_and_skipped(table: &CondaTable, source: &Source) -> Vec<Problem> {
    let both = table.allow_post_link.iter().filter(|name| table.skip_post_link.contains(&name.value));
    let problem = |name: &Located<PackageName>| {
        let (first, second) = ("conda.allow-post-link".to_owned(), "conda.skip-post-link".to_owned());
        let hint = format!("the script of `{}` is either run or not: remove one of the two", name.value);
        let problem = Problem::new(Mistake::Conflict { first, second });
        problem.at(source, name.span.clone(), "this package").hint(hint)
    };
    both.map(problem).collect()
}

/// Keys that would change what a lock has settled.
fn beside_lock(table: &CondaTable, lock: &OtherLock, file_key: &str, source: &Source) -> Option<Problem> {
    let package = table.packages.iter().flatten().next().map(|it| (key_of_list(&it.key), &it.span));
    let time = table.exclude_newer.as_ref().map(|time| ("conda.exclude-newer", &time.span));
    let pip = table.pip.as_ref().map(|pip| ("conda.pip", &pip.span));
    let (key, span) = package.or(time).or(pip)?;
    let span = span.clone();
    let mistake = Mistake::Conflict { first: key.to_owned(), second: file_key.to_owned() };
    let what = format!("`{}` is {}, the whole environment", lock.file, lock.format.title());
    let hint = match lock.format {
        LockFormat::Explicit => format!("{what}: add the package's URL to it"),
        LockFormat::Export => {
            format!("{what}: without its line `prefix:` it is solved, as any environment file")
        }
        LockFormat::List => format!("{what}: with a line `name` alone in it, it is solved, as conda does it"),
        LockFormat::Pixi | LockFormat::CondaLock => format!("{what}: change it with the tool that wrote it"),
    };
    Some(Problem::new(mistake).at(source, span, "asked for here").hint(hint))
}

/// The key of a list, by that of an item of it.
fn key_of_list(item: &str) -> &str {
    item.split_once('[').map_or(item, |(list, _)| list)
}

fn own_requirements(table: &CondaTable, source: &Source) -> Vec<Requirement> {
    table.packages.iter().flatten().map(|located| Requirement::new(located, source)).collect()
}

fn writable(table: &CondaTable, source: &Source, problems: &mut Vec<Problem>) -> bool {
    if let Some(writable) = table.writable.as_ref().filter(|located| !located.value)
        && table.manager() != Manager::None
    {
        let mistake = Mistake::Conflict {
            first: "conda.manager".to_owned(),
            second: "conda.writable = false".to_owned(),
        };
        let hint = "a manager is there to change the environment: remove one of the two";
        problems.push(Problem::new(mistake).at(source, writable.span.clone(), "here").hint(hint));
    }
    table.manager() != Manager::None || table.writable.as_ref().is_some_and(|located| located.value)
}

/// Where channels are named, there is one, and none twice.
fn check_channels(own: &Located<Vec<Located<ChannelName>>>, source: &Source, problems: &mut Vec<Problem>) {
    if own.value.is_empty() {
        let mistake = Mistake::EmptyList { key: own.key.clone() };
        let hint = format!("for example `channels = [\"{DEFAULT_CHANNEL}\"]`");
        problems.push(Problem::new(mistake).at(source, own.span.clone(), "here").hint(hint));
    }
    list::check_unique(&own.key, &own.value, source, problems);
}

/// The spec's channels, then those of the file that are not yet named, else the default.
fn channels(
    own: Option<Located<Vec<Located<ChannelName>>>>,
    from_file: Vec<Channel>,
    source: &Source,
) -> Vec<Channel> {
    let own = own.into_iter().flat_map(|own| own.value);
    let mut channels: Vec<Channel> = own.map(|located| Channel::new(located, source)).collect();
    for channel in from_file {
        if !channels.iter().any(|known| known.name == channel.name) {
            channels.push(channel);
        }
    }
    if channels.is_empty() {
        channels.extend(DEFAULT_CHANNEL.parse().ok().map(|name| Channel { name, origin: None }));
    }
    channels
}

/// Adds the channels that packages name before `::`, behind all others, as conda does.
fn add_channels(channels: &mut Vec<Channel>, requirements: &[Requirement]) {
    for requirement in requirements {
        let Some(name) = channel_of(requirement.text.whole()) else { continue };
        let is_it =
            |known: &Channel| known.name.secret().whole().trim_end_matches('/') == name.secret().whole();
        if !channels.iter().any(is_it) {
            channels.push(Channel { name, origin: Some(requirement.origin.clone()) });
        }
    }
}

/// The channel that a match spec names: `channel::name`, or `channel/linux-64::name`.
fn channel_of(text: &str) -> Option<ChannelName> {
    let (channel, _) = text.split_once("::").filter(|(channel, _)| !channel.contains(['[', '=', ' ']))?;
    let channel = match channel.rsplit_once('/') {
        Some((channel, "noarch" | "linux-64" | "linux-aarch64")) => channel,
        _ => channel,
    };
    channel.trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_spec_may_name_its_channel() {
        for (text, channel) in [
            ("pytorch::pytorch 2.*", Some("pytorch")),
            ("conda-forge/linux-64::numpy", Some("conda-forge")),
            ("https://c.example/x/::numpy=1.2=0", Some("https://c.example/x")),
            ("pkgs/main::numpy", Some("pkgs/main")),
            ("numpy", None),
            ("::numpy", None),
            ("numpy[version='1::2']", None),
        ] {
            assert_eq!(channel_of(text).as_ref().map(|it| it.secret().whole()), channel, "{text}");
        }
    }
}
