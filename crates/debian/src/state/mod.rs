//! What dpkg and the maintainer scripts would have left on the disk beside the packages' own files.

mod accounts;
mod alternatives;
mod certificates;
mod collect;
mod dpkg;
mod elf;
mod error;
mod ldconfig;
mod pam;
pub(crate) mod read;
mod tree;
mod ucf;
mod units;

use std::io;

use imgbuild_layer::{
    Claim, EntryKind, EntrySink, Exclusions, KeyHasher, Kind, Parents, Part, PartId, RecipeHash, Source,
    SourceError,
};
use imgbuild_runtime::User;

use crate::package::effects::{Alternative, Effect};
use crate::package::locked_package::Package;
use crate::role::BASE_STATE;
use collect::BasePackages;
pub use error::StateError;
use read::ReadPackage;
use tree::Tree;

/// Changes whenever the same packages would have another state.
const METHOD: &str = "3";

/// The state of a base as a source of entries: users, alternatives, certificates, the loader's cache, dpkg's
/// database.
#[derive(Debug, Clone)]
pub struct State {
    suite: String,
    packages: Vec<Package>,
    users: Vec<User>,
    timestamp: i64,
    manager: bool,
    part: Part,
}

impl State {
    /// The state of a base of `suite` that holds `packages`, with `users` added. What no package holds bears the
    /// time `timestamp`, in seconds since 1970.
    pub fn new(suite: &str, packages: Vec<Package>, users: &[User], timestamp: i64) -> Self {
        let recipe = KeyHasher::new("debian state")
            .field("method", METHOD)
            .field("suite", suite)
            .field("timestamp", timestamp.to_string())
            .list("packages", packages.iter().map(|it| it.part().recipe.0.hex()))
            .list("users", users.iter().map(User::key))
            .finish();
        let part = Part {
            id: PartId::new("debian-state", suite),
            title: format!("dpkg's state of {suite}"),
            recipe: RecipeHash(recipe),
            archive: None,
            role: BASE_STATE,
            weight: 1 << 20,
            root: None,
        };
        Self { suite: suite.to_owned(), packages, users: users.to_vec(), timestamp, manager: true, part }
    }

    /// The state of a base without dpkg: without its database.
    #[must_use]
    pub fn without_manager(mut self) -> Self {
        let recipe =
            KeyHasher::new("debian state without dpkg").field("state", self.part.recipe.0.as_bytes());
        self.part.recipe = RecipeHash(recipe.finish());
        "the state of Debian ".clone_into(&mut self.part.title);
        self.part.title.push_str(&self.suite);
        self.manager = false;
        self
    }

    /// The modes and owners of all folders of the base that are not like others: of its packages and of the state.
    /// Every layer that has something below them must carry them so.
    ///
    /// # Errors
    ///
    /// As for [`Source::write`].
    pub fn parents(&self) -> Result<Parents, StateError> {
        let mut parents = Parents::default();
        for directory in self.packages.iter().flat_map(|it| &it.locked().facts.directories) {
            let mode = u32::from_str_radix(&directory.mode, 8).unwrap_or(0o755);
            parents.insert(
                directory.path.clone(),
                mode,
                imgbuild_archive::Owner { uid: directory.uid, gid: directory.gid },
            );
        }
        for (head, _) in self.tree()?.entries() {
            if head.kind == EntryKind::Directory {
                parents.insert(head.path.clone(), head.mode, head.owner);
            }
        }
        Ok(parents)
    }

    fn tree(&self) -> Result<Tree, StateError> {
        let collected = BasePackages::read(&self.packages)?;
        let mut effects = Effects::new(self.timestamp);
        for package in &collected.packages {
            package.effects.iter().try_for_each(|effect| effects.add(package, effect))?;
        }
        let Effects { mut tree, accounts, .. } = effects;
        for (package, path, mode, group) in effects.regrouped {
            let owner = imgbuild_archive::Owner { uid: 0, gid: accounts.group_number(group) };
            tree.copy_as(package, path, mode, owner)?;
        }
        if effects.has_ucf {
            effects.configuration_files.write(&mut tree);
        }
        if effects.shells {
            accounts::shells(&collected, &effects.added_shells, &mut tree);
        }
        accounts.finish(&self.users, self.timestamp, &mut tree)?;
        alternatives::install(&effects.alternatives, &collected, &mut tree);
        dpkg::database(&self.suite, &collected, &effects.diversions, &mut tree);
        ldconfig::cache(&collected, &mut tree);
        if !self.manager {
            tree.remove_below(&dpkg::FOLDER[1..]);
        }
        Ok(tree)
    }
}

impl Source for State {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        let tree = self.tree().map_err(SourceError::archive)?;
        let claim = |head: &imgbuild_layer::EntryHead| {
            let kind = match head.kind {
                EntryKind::Directory | EntryKind::Removed | EntryKind::Emptied => return None,
                EntryKind::Symlink { .. } => Kind::Symlink,
                EntryKind::File { .. } | EntryKind::Hardlink { .. } => Kind::File,
            };
            Some(Claim { path: head.path.clone(), kind })
        };
        Ok(tree.entries().filter_map(|(head, _)| claim(head)).collect())
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let tree = self.tree().map_err(SourceError::archive)?;
        for (head, bytes) in tree.entries().filter(|(head, _)| !exclusions.contains(&head.path)) {
            sink.put(head, &mut io::Cursor::new(bytes))?;
        }
        self.packages.iter().for_each(Package::forget);
        Ok(())
    }
}

/// What the scripts of all packages leave: what is written at once, and what depends on what others do.
struct Effects<'a> {
    tree: Tree,
    accounts: accounts::Accounts,
    alternatives: Vec<&'a Alternative>,
    diversions: Vec<[String; 3]>,
    regrouped: Vec<(&'a ReadPackage, &'a String, u32, &'a String)>,
    added_shells: Vec<&'a str>,
    configuration_files: ucf::Records,
    shells: bool,
    has_ucf: bool,
}

impl<'a> Effects<'a> {
    fn new(timestamp: i64) -> Self {
        Self {
            tree: Tree::new(timestamp),
            accounts: accounts::Accounts::default(),
            alternatives: Vec::new(),
            diversions: Vec::new(),
            regrouped: Vec::new(),
            added_shells: Vec::new(),
            configuration_files: ucf::Records::default(),
            shells: false,
            has_ucf: false,
        }
    }

    fn add(&mut self, package: &'a ReadPackage, effect: &'a Effect) -> Result<(), StateError> {
        match effect {
            Effect::Copy { from, to } => self.tree.copy(package, from, to)?,
            Effect::File { path, mode, group, text } => self.tree.file(path, *mode, group, text.as_bytes()),
            Effect::Directory { path, mode, group } => self.tree.directory(path, *mode, group),
            Effect::Link { path, target } => self.tree.link(path, target),
            Effect::Alternative(alternative) => self.alternatives.push(alternative),
            Effect::EnableUnit(unit) => units::enable(package, unit, &mut self.tree)?,
            Effect::RecordUnit(unit) => units::record(package, unit, &mut self.tree)?,
            Effect::EnableUserUnit(unit) => units::enable_user(package, unit, &mut self.tree)?,
            Effect::InitScript(name) => units::init_script(package, name, &mut self.tree)?,
            Effect::Divert { path, to } => self.diversions.push([path, to, &package.name].map(String::clone)),
            Effect::SystemGroup(name) => self.accounts.system_group(name),
            Effect::SystemUser(user) => self.accounts.system_user(user),
            Effect::ConfigurationFile { from, to } => {
                self.configuration_files.install(package, from, to, &mut self.tree)?
            }
            Effect::Ucf => self.has_ucf = true,
            Effect::Regroup { path, mode, group } => self.regrouped.push((package, path, *mode, group)),
            Effect::AddShell(path) => self.added_shells.push(path.as_str()),
            Effect::Accounts => self.accounts.read_masters(package)?,
            Effect::Shadow => self.accounts.shadow = true,
            Effect::Shells => self.shells = true,
            Effect::Pam => pam::install(package, &mut self.tree)?,
            Effect::NativeArchitecture => {
                let architecture = format!("{}\n", package.control.field("Architecture"));
                self.tree.file("/var/lib/dpkg/arch-native", 0o644, "root", architecture.as_bytes());
            }
            Effect::LoaderDiversion => self.diversions.extend(dpkg::loader_diversion(package)),
            Effect::Certificates => certificates::install(package, &mut self.tree)?,
        }
        Ok(())
    }
}
