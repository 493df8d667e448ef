//! `imgbuild diff`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use imgbuild_image::{Comparison, ConfigChange, FileChanges};
use imgbuild_inventory::{Inventory, PackageChange, Release, differences};
use imgbuild_lock::{Lock, LockedVariant, Variant};
use imgbuild_oci::Platform;
use serde_json::{Value, json};

use super::opening::{in_background, open_named};
use super::{host, print, print_public_json};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::inspect_arguments::DiffArguments;
use crate::words::{counted, one_line, size};

/// How the command ends where the two differ, and where they cannot be compared, as `diff` does.
const DIFFERENT: u8 = 1;
const TROUBLE: u8 = 2;

/// A lock that cannot be compared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum DiffFailure {
    /// The file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// Git does not have it.
    #[error("git has no `{}` at `{revision}`: {said}", path.display())]
    #[diagnostic(help("name a revision that has the file, such as `HEAD~1`; `git log -- {}` lists them", path.display()))]
    Revision { path: PathBuf, revision: String, said: String },
    /// Git is not there.
    #[error("`git` cannot be run, which knows what `{}` was at `{revision}`", path.display())]
    #[diagnostic(help("install git, or name two files"))]
    Git {
        path: PathBuf,
        revision: String,
        #[source]
        error: std::io::Error,
    },
    /// One is a lock and one is an image.
    #[error("`{lock}` is a lock and `{image}` is none")]
    #[diagnostic(help("compare two images, or two locks: `spec.lock spec.lock@HEAD~1`"))]
    Mixed { lock: String, image: String },
}

pub(crate) async fn run(arguments: &DiffArguments, global: &Global) -> ExitCode {
    compare(arguments, global).await.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(TROUBLE)
    })
}

async fn compare(arguments: &DiffArguments, global: &Global) -> Result<ExitCode, Failure> {
    let (before, after) = (&arguments.before, &arguments.after);
    let comparison = match (LockName::of(before), LockName::of(after)) {
        (Some(one), Some(other)) => of_locks(&one.read()?, &other.read()?)?,
        (Some(_), None) => {
            return Err(DiffFailure::Mixed { lock: before.clone(), image: after.clone() }.into());
        }
        (None, Some(_)) => {
            return Err(DiffFailure::Mixed { lock: after.clone(), image: before.clone() }.into());
        }
        (None, None) => of_images(arguments, global).await?,
    };
    if arguments.json {
        print_public_json(comparison.as_json()?)?;
    } else if arguments.markdown {
        print(&comparison.markdown(before, after))?;
    } else {
        print(&comparison.text())?;
    }
    Ok(if comparison.is_same() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

async fn of_images(arguments: &DiffArguments, global: &Global) -> Result<Compared, Failure> {
    let platform = match arguments.platform {
        Some(platform) => platform,
        None => host()?,
    };
    let before = open_named(&arguments.before, platform, global).await?;
    let after = open_named(&arguments.after, platform, global).await?;
    let files = arguments.files;
    in_background(move || {
        let comparison = Comparison::of(&before.opened, &after.opened, files, &before.store)?;
        Ok(Compared::Images(Box::new(comparison)))
    })
    .await
}

/// A lock, as a file or at a revision of git.
struct LockName<'a> {
    path: &'a Path,
    revision: Option<&'a str>,
}

impl<'a> LockName<'a> {
    /// `spec.lock`, or `spec.lock@HEAD~3`.
    fn of(text: &'a str) -> Option<Self> {
        let (path, revision) = match text.split_once(".lock@") {
            Some((stem, revision)) => (&text[..stem.len() + ".lock".len()], Some(revision)),
            None => (text, None),
        };
        path.ends_with(".lock").then(|| Self { path: Path::new(path), revision })
    }

    fn read(&self) -> Result<Lock, Failure> {
        let text = match self.revision {
            None => std::fs::read_to_string(self.path)
                .map_err(|error| DiffFailure::Read { path: self.path.to_owned(), error })?,
            Some(revision) => self.at(revision)?,
        };
        Ok(Lock::parse(&text).map_err(Plain::from)?)
    }

    fn at(&self, revision: &str) -> Result<String, Failure> {
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let (path, revision) = (self.path.to_owned(), revision.to_owned());
        let mut git = Command::new("git");
        git.env("LC_ALL", "C");
        // A revision that begins with a hyphen is no option.
        git.arg("-C").arg(folder).args(["show", "--no-textconv", "--end-of-options"]);
        git.arg(format!("{revision}:./{name}"));
        let output = git.output();
        let output = output.map_err(|error| DiffFailure::Git {
            path: path.clone(),
            revision: revision.clone(),
            error,
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
            return Err(DiffFailure::Revision { path, revision, said }.into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// What was compared.
enum Compared {
    Images(Box<Comparison>),
    /// The variants of two locks: by their tags, what differs in each.
    Locks(Vec<(String, Vec<PackageChange>)>),
}

/// What differs in the variants of two locks.
fn of_locks(before: &Lock, after: &Lock) -> Result<Compared, Failure> {
    let variants = |lock: &Lock| -> Result<Vec<LockedPackages>, Failure> {
        let all = lock.locked_variants().map_err(Plain::from)?;
        Ok(all.iter().map(LockedPackages::of).collect())
    };
    let pairs = paired(variants(before)?, variants(after)?);
    let changes = pairs.into_iter().map(|(one, other)| {
        let name = other.as_ref().or(one.as_ref()).map(|it| it.name.clone()).unwrap_or_default();
        let packages = |it: Option<LockedPackages>, of: Option<Platform>| match it {
            Some(it) => Some(it.inventory),
            None => of.map(|platform| Inventory::new(platform, None, [])),
        };
        let platform = one.as_ref().or(other.as_ref()).map(|it| it.platform);
        let changes = match (packages(one, platform), packages(other, platform)) {
            (Some(one), Some(other)) => differences(&one, &other),
            _ => Vec::new(),
        };
        (name, changes)
    });
    Ok(Compared::Locks(changes.filter(|(_, changes)| !changes.is_empty()).collect()))
}

/// A variant of a lock.
struct LockedPackages {
    name: String,
    platform: Platform,
    keys: BTreeMap<String, String>,
    tags: Vec<String>,
    inventory: Inventory,
}

impl LockedPackages {
    fn of(locked: &LockedVariant<'_>) -> Self {
        let Variant { tags, platform, keys, .. } = locked.variant;
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        let shown: Vec<String> = keys.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let place = if shown.is_empty() { String::new() } else { format!(", {}", shown.join(", ")) };
        Self {
            name: format!("{} ({platform}{place})", tags.first().map_or("", String::as_str)),
            platform: *platform,
            keys: keys.clone(),
            tags,
            inventory: Inventory::of_lock(locked, &[]),
        }
    }
}

/// Which variants of two locks are the same ones: those of one place in the matrix, else those of a tag, else those that are left alone.
fn paired(
    before: Vec<LockedPackages>,
    mut after: Vec<LockedPackages>,
) -> Vec<(Option<LockedPackages>, Option<LockedPackages>)> {
    type IsSame = fn(&LockedPackages, &LockedPackages) -> bool;
    let rules: [IsSame; 3] = [
        |one, other| (one.platform, &one.keys) == (other.platform, &other.keys) && one.tags == other.tags,
        |one, other| (one.platform, &one.keys) == (other.platform, &other.keys),
        |one, other| one.platform == other.platform && one.tags.iter().any(|tag| other.tags.contains(tag)),
    ];
    let (mut pairs, mut left) = (Vec::new(), before);
    for is_same in rules {
        let mut unpaired = Vec::new();
        for one in left {
            match after.iter().position(|other| is_same(&one, other)) {
                Some(place) => pairs.push((Some(one), Some(after.remove(place)))),
                None => unpaired.push(one),
            }
        }
        left = unpaired;
    }
    if let ([one], [other]) = (left.as_slice(), after.as_slice())
        && one.platform == other.platform
    {
        return pairs.into_iter().chain([(left.pop(), after.pop())]).collect();
    }
    let gone = left.into_iter().map(|one| (Some(one), None));
    let new = after.into_iter().map(|other| (None, Some(other)));
    pairs.into_iter().chain(gone).chain(new).collect()
}

impl Compared {
    fn is_same(&self) -> bool {
        match self {
            Self::Images(comparison) => comparison.identical,
            Self::Locks(variants) => variants.is_empty(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Images(comparison) if comparison.identical => "the same image, bit for bit\n".to_owned(),
            Self::Locks(variants) if variants.is_empty() => "the same packages\n".to_owned(),
            Self::Images(comparison) => {
                let mut parts: Vec<String> = Vec::new();
                let listed = |title: &str, lines: Vec<String>| {
                    let lines: String = lines.iter().map(|line| format!("  {}\n", one_line(line))).collect();
                    (!lines.is_empty()).then(|| format!("{title}\n{lines}"))
                };
                parts.extend(listed("packages", comparison.packages.iter().map(package_line).collect()));
                parts.extend(listed("configuration", comparison.config.iter().map(config_line).collect()));
                parts.extend(comparison.files.as_ref().and_then(|files| listed("files", file_lines(files))));
                if parts.is_empty() {
                    parts.push(
                        "what differs is none of the packages and none of the configuration\n".to_owned(),
                    );
                }
                parts.push(layer_line(comparison));
                parts.join("\n")
            }
            Self::Locks(variants) => {
                let variant = |(name, changes): &(String, Vec<PackageChange>)| {
                    let lines: String =
                        changes.iter().map(|it| format!("  {}\n", one_line(&package_line(it)))).collect();
                    format!("{name}\n{lines}")
                };
                variants.iter().map(variant).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// What a comment of a pull request shows.
    fn markdown(&self, before: &str, after: &str) -> String {
        let mut text = format!("### {} → {}\n\n", escaped(before), escaped(after));
        match self {
            _ if self.is_same() => text.push_str("Nothing differs.\n"),
            Self::Images(comparison) => {
                text.push_str(&markdown_table(&comparison.packages));
                if !comparison.config.is_empty() {
                    text.push_str("\n| configuration | before | after |\n|---|---|---|\n");
                    text.extend(comparison.config.iter().map(|change| {
                        let cell = |it: &Option<String>| it.as_ref().map_or(String::new(), |it| escaped(it));
                        format!(
                            "| {} | {} | {} |\n",
                            escaped(&change.what),
                            cell(&change.before),
                            cell(&change.after)
                        )
                    }));
                }
                if let Some(files) = &comparison.files {
                    let lines = fenced(&file_lines(files));
                    text.push_str(&format!(
                        "
<details><summary>files</summary>

{lines}
</details>
"
                    ));
                }
                text.push_str(&format!("\n{}", layer_line(comparison)));
            }
            Self::Locks(variants) => {
                let variant = |(name, changes): &(String, Vec<PackageChange>)| {
                    format!("**{}**\n\n{}", escaped(name), markdown_table(changes))
                };
                text.push_str(&variants.iter().map(variant).collect::<Vec<_>>().join("\n"));
            }
        }
        text
    }

    fn as_json(&self) -> Result<Value, Failure> {
        Ok(match self {
            Self::Images(comparison) => serde_json::to_value(comparison).map_err(Plain::from)?,
            Self::Locks(variants) => {
                let variant = |(name, packages): &(String, Vec<PackageChange>)| json!({ "variant": name, "packages": packages });
                json!({
                    "identical": variants.is_empty(),
                    "variants": variants.iter().map(variant).collect::<Vec<_>>(),
                })
            }
        })
    }
}

/// What stands in a cell of a table, and means nothing to Markdown, nor to who is told of it.
fn escaped(text: &str) -> String {
    let character = |it: char| match it {
        '\\' | '`' | '|' | '[' | ']' | '!' | '*' | '_' | '#' | '~' => format!("\\{it}"),
        '<' => "&lt;".to_owned(),
        // A name behind it is a person's.
        '@' => "@&#8203;".to_owned(),
        it => it.to_string(),
    };
    one_line(text).chars().map(character).collect()
}

/// Lines between fences that none of them closes.
fn fenced(lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| one_line(line) + "\n").collect();
    let longest = lines.split(|it: char| it != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{lines}{fence}\n")
}

fn shown(release: &Release) -> String {
    match &release.build {
        Some(build) => format!("{} {build}", release.version),
        None => release.version.clone(),
    }
}

/// What moved beside the version.
fn moved(before: &Release, after: &Release) -> String {
    let channel = match (&before.channel, &after.channel) {
        (Some(one), Some(other)) if one != other => format!(", from {one} to {other}"),
        _ => String::new(),
    };
    let is_same = shown(before) == shown(after);
    let archive = if is_same && channel.is_empty() { ", another archive" } else { "" };
    let grown = match (before.installed_size, after.installed_size) {
        (Some(one), Some(other)) if one < other => format!(" (+{})", size(other - one)),
        (Some(one), Some(other)) if one > other => format!(" (-{})", size(one - other)),
        _ => String::new(),
    };
    format!("{channel}{archive}{grown}")
}

fn package_line(change: &PackageChange) -> String {
    let bytes =
        |release: &Release| release.installed_size.map_or(String::new(), |it| format!(" ({})", size(it)));
    let id = &change.package;
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            format!("~ {id} {} -> {}{}", shown(before), shown(after), moved(before, after))
        }
        (None, Some(after)) => format!("+ {id} {}{}", shown(after), bytes(after)),
        (Some(before), None) => format!("- {id} {}{}", shown(before), bytes(before)),
        (None, None) => String::new(),
    }
}

fn markdown_table(changes: &[PackageChange]) -> String {
    let row = |change: &PackageChange| {
        let cell = |it: &Option<Release>| it.as_ref().map_or(String::new(), |it| escaped(&shown(it)));
        let bytes = |it: &Option<Release>| it.as_ref().and_then(|it| it.installed_size);
        let grown = match (bytes(&change.before), bytes(&change.after)) {
            (before, after) if before.unwrap_or(0) < after.unwrap_or(0) => {
                format!("+{}", size(after.unwrap_or(0) - before.unwrap_or(0)))
            }
            (before, after) if before.unwrap_or(0) > after.unwrap_or(0) => {
                format!("-{}", size(before.unwrap_or(0) - after.unwrap_or(0)))
            }
            _ => String::new(),
        };
        let (package, before, after) =
            (escaped(&change.package.to_string()), cell(&change.before), cell(&change.after));
        format!("| {package} | {before} | {after} | {grown} |\n")
    };
    let rows: String = changes.iter().map(row).collect();
    if rows.is_empty() {
        return "The packages are the same.\n".to_owned();
    }
    format!("| package | before | after | installed |\n|---|---|---|---|\n{rows}")
}

fn config_line(change: &ConfigChange) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("~ {}: {before} -> {after}", change.what),
        (None, Some(after)) => format!("+ {}: {after}", change.what),
        (before, None) => format!("- {}: {}", change.what, before.as_deref().unwrap_or_default()),
    }
}

fn file_lines(files: &FileChanges) -> Vec<String> {
    let added = files.added.iter().map(|path| format!("+ {path}"));
    let removed = files.removed.iter().map(|path| format!("- {path}"));
    let changed = files.changed.iter().map(|it| format!("~ {} ({})", it.path, it.what.join(", ")));
    removed.chain(added).chain(changed).collect()
}

fn layer_line(comparison: &Comparison) -> String {
    let layers = &comparison.layers;
    format!(
        "whoever has the first pulls {} for the second: {}, and {} are shared\n",
        size(layers.pull_bytes),
        counted(layers.new, "layer"),
        layers.shared
    )
}
