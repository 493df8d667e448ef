//! `imgbuild diff`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use imgbuild_image::{Comparison, ConfigChange, FileChanges};
use imgbuild_inventory::{Inventory, PackageChange, Release, differences};
use imgbuild_lock::Lock;
use serde_json::{Value, json};

use super::opening::{in_background, open_named};
use super::{host, print, print_json};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::inspect_arguments::DiffArguments;
use crate::words::{counted, size};

/// How the command ends where the two differ, as `diff` does.
const DIFFERENT: u8 = 1;

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

pub(crate) async fn run(arguments: &DiffArguments, global: &Global) -> Result<ExitCode, Failure> {
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
        print_json(&comparison.as_json()?)?;
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

/// What differs in the variants of two locks, which are told by their first tags and platforms.
fn of_locks(before: &Lock, after: &Lock) -> Result<Compared, Failure> {
    let variants = |lock: &Lock| -> Result<Vec<(String, Inventory)>, Failure> {
        let all = lock.locked_variants().map_err(Plain::from)?;
        let named = all.iter().map(|it| {
            let tag = it.variant.tags.first().map(ToString::to_string).unwrap_or_default();
            (format!("{tag} ({})", it.variant.platform), Inventory::of_lock(it, &[]))
        });
        Ok(named.collect())
    };
    let (before, after) = (variants(before)?, variants(after)?);
    let of = |all: &[(String, Inventory)], name: &str| {
        all.iter().find(|(it, _)| it == name).map(|(_, inventory)| inventory.clone())
    };
    let mut names: Vec<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
    names.dedup();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    let changes = names.into_iter().map(|name| {
        let (one, other) = (of(&before, name), of(&after, name));
        let some = one.as_ref().or(other.as_ref());
        let none = some.map(|it| Inventory::new(it.platform, None, []));
        let changes = match (one.as_ref().or(none.as_ref()), other.as_ref().or(none.as_ref())) {
            (Some(one), Some(other)) => differences(one, other),
            _ => Vec::new(),
        };
        (name.clone(), changes)
    });
    Ok(Compared::Locks(changes.filter(|(_, changes)| !changes.is_empty()).collect()))
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
                    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
                    (!lines.is_empty()).then(|| format!("{title}\n{lines}"))
                };
                parts.extend(listed("packages", comparison.packages.iter().map(package_line).collect()));
                parts.extend(listed("configuration", comparison.config.iter().map(config_line).collect()));
                parts.extend(comparison.files.as_ref().and_then(|files| listed("files", file_lines(files))));
                parts.push(layer_line(comparison));
                parts.join("\n")
            }
            Self::Locks(variants) => {
                let variant = |(name, changes): &(String, Vec<PackageChange>)| {
                    let lines: String =
                        changes.iter().map(|it| format!("  {}\n", package_line(it))).collect();
                    format!("{name}\n{lines}")
                };
                variants.iter().map(variant).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// What a comment of a pull request shows.
    fn markdown(&self, before: &str, after: &str) -> String {
        let mut text = format!("### `{}` → `{}`\n\n", escaped(before), escaped(after));
        match self {
            _ if self.is_same() => text.push_str("Nothing differs.\n"),
            Self::Images(comparison) => {
                text.push_str(&markdown_table(&comparison.packages));
                if !comparison.config.is_empty() {
                    text.push_str("\n| configuration | before | after |\n|---|---|---|\n");
                    text.extend(comparison.config.iter().map(|change| {
                        let cell = |it: &Option<String>| {
                            it.as_ref().map_or(String::new(), |it| format!("`{}`", escaped(it)))
                        };
                        format!(
                            "| {} | {} | {} |\n",
                            escaped(&change.what),
                            cell(&change.before),
                            cell(&change.after)
                        )
                    }));
                }
                if let Some(files) = &comparison.files {
                    let lines: String = file_lines(files).iter().map(|it| format!("{it}\n")).collect();
                    text.push_str(&format!(
                        "\n<details><summary>files</summary>\n\n```\n{lines}```\n\n</details>\n"
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

/// What stands in a cell of a table, and means nothing to Markdown.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "'").replace('\n', " ").replace('<', "&lt;")
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
