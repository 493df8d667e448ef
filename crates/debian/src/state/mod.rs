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

use crate::package::effects::Effect;
use crate::package::locked_package::Package;
use crate::role::BASE_STATE;
pub use accounts::Account;
use collect::Collected;
pub use error::StateError;
use tree::Tree;

/// Changes whenever the same packages would have another state.
const METHOD: &str = "2";

/// The state of a base as a source of entries: users, alternatives, certificates, the loader's cache, dpkg's
/// database.
#[derive(Debug, Clone)]
pub struct State {
    suite: String,
    packages: Vec<Package>,
    accounts: Vec<Account>,
    timestamp: i64,
    manager: bool,
    part: Part,
}

impl State {
    /// The state of a base of `suite` that holds `packages`, with `accounts` added. What no package holds bears the
    /// time `timestamp`, in seconds since 1970.
    pub fn new(suite: &str, packages: Vec<Package>, accounts: &[Account], timestamp: i64) -> Self {
        let recipe = KeyHasher::new("debian state")
            .field("method", METHOD)
            .field("suite", suite)
            .field("timestamp", timestamp.to_string())
            .list("packages", packages.iter().map(|it| it.part().recipe.0.hex()))
            .list("accounts", accounts.iter().map(Account::line))
            .finish();
        let part = Part {
            id: PartId::new("debian-state", suite),
            title: format!("dpkg's state of {suite}"),
            recipe: RecipeHash(recipe),
            role: BASE_STATE,
            weight: 1 << 20,
            root: None,
        };
        Self {
            suite: suite.to_owned(),
            packages,
            accounts: accounts.to_vec(),
            timestamp,
            manager: true,
            part,
        }
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
        let collected = Collected::read(&self.packages)?;
        let mut tree = Tree::new(self.timestamp);
        let mut accounts = accounts::Accounts::default();
        let mut alternatives = Vec::new();
        let mut diversions = Vec::new();
        let mut regrouped = Vec::new();
        let mut added_shells = Vec::new();
        let mut configuration_files = ucf::Records::default();
        let (mut shells, mut has_ucf) = (false, false);
        for package in &collected.packages {
            for effect in &package.effects {
                match effect {
                    Effect::Copy { from, to } => tree.copy(package, from, to)?,
                    Effect::File { path, mode, group, text } => {
                        tree.file(path, *mode, group, text.as_bytes())
                    }
                    Effect::Directory { path, mode, group } => tree.directory(path, *mode, group),
                    Effect::Link { path, target } => tree.link(path, target),
                    Effect::Alternative(alternative) => alternatives.push(alternative),
                    Effect::EnableUnit(unit) => units::enable(package, unit, &mut tree)?,
                    Effect::RecordUnit(unit) => units::record(package, unit, &mut tree)?,
                    Effect::EnableUserUnit(unit) => units::enable_user(package, unit, &mut tree)?,
                    Effect::InitScript(name) => units::init_script(package, name, &mut tree)?,
                    Effect::Divert { path, to } => {
                        diversions.push([path, to, &package.name].map(String::clone))
                    }
                    Effect::SystemGroup(name) => accounts.system_group(name),
                    Effect::SystemUser(user) => accounts.system_user(user),
                    Effect::ConfigurationFile { from, to } => {
                        configuration_files.install(package, from, to, &mut tree)?
                    }
                    Effect::Ucf => has_ucf = true,
                    Effect::Regroup { path, mode, group } => regrouped.push((package, path, *mode, group)),
                    Effect::AddShell(path) => added_shells.push(path.as_str()),
                    Effect::Accounts => accounts.read_masters(package)?,
                    Effect::Shadow => accounts.shadow = true,
                    Effect::Shells => shells = true,
                    Effect::Pam => pam::install(package, &mut tree)?,
                    Effect::NativeArchitecture => {
                        let architecture = format!("{}\n", package.control.field("Architecture"));
                        tree.file("/var/lib/dpkg/arch-native", 0o644, "root", architecture.as_bytes());
                    }
                    Effect::LoaderDiversion => diversions.extend(dpkg::loader_diversion(package)),
                    Effect::Certificates => certificates::install(package, &mut tree)?,
                }
            }
        }
        for (package, path, mode, group) in regrouped {
            let owner = imgbuild_archive::Owner { uid: 0, gid: accounts.group_number(group) };
            tree.copy_as(package, path, mode, owner)?;
        }
        if has_ucf {
            configuration_files.write(&mut tree);
        }
        if shells {
            accounts::shells(&collected, &added_shells, &mut tree);
        }
        accounts.finish(&self.accounts, self.timestamp, &mut tree)?;
        alternatives::install(&alternatives, &collected, &mut tree);
        dpkg::database(&self.suite, &collected, &diversions, &mut tree);
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
