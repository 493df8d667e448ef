//! What one variant is made of, known from the lock before anything is fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_base::Base;
use imgbuild_conda::Plan;
use imgbuild_copies::Copies;
use imgbuild_debian::Configuration;
use imgbuild_fetch::Context;
use imgbuild_layer::{Content, Exclusions, Files, Parents, Part, PartId, Role, Source};
use imgbuild_lock::{
    Archive, CondaPackage, CondaSet, DebianPackage, DebianSet, ExcludedPath, LockedPackage, LockedSet,
    LockedVariant, PypiPackage, PypiSet,
};
use imgbuild_python::{Bytecode, BytecodeFolders, Target};
use imgbuild_runtime::{DEFAULT_USER, Variables};
use imgbuild_spec::{Manager, Variant};

use crate::compiler;
use crate::configuring::Configuring;
use crate::copied_over::{CopiedOver, sources as copied_sources};
use crate::derived::{Below, Derived};
use crate::error::{MakeError, MakeFailure};
use crate::ingredient::Ingredient;
use crate::post_link::PostLink;
use crate::variant_name::variant_name;
use crate::wheel_sources::{self, ImagePython};

/// Where the lock stands in an image.
const LOCK_PATH: &str = "usr/share/imgbuild/spec.lock";

/// What one variant is made of.
pub(crate) struct Assembly {
    /// Its parts: first those that come from archives alone, then what is made over them, in the order in which it is made.
    pub(crate) ingredients: Vec<Arc<Ingredient>>,
    /// The paths that parts leave out.
    pub(crate) exclusions: BTreeMap<PartId, Exclusions>,
    /// Folders that are not like others.
    pub(crate) parents: Parents,
    /// The image's environment variables.
    pub(crate) variables: Variables,
    /// What it stands on.
    pub(crate) base: Base,
    /// The Python that its wheels are for.
    pub(crate) python: Option<ImagePython>,
    /// All Pythons of the image, as far as their bytecode is concerned.
    pub(crate) targets: Vec<Target>,
}

/// The texts and files that only a build has, and locking not.
pub(crate) struct Extras<'a> {
    /// The lock's text, which is in the image.
    pub lock_text: &'a str,
    /// The files that are copied.
    pub copies: Option<Copies>,
}

/// The parts of a variant, and how many layers what it stands on has: what its threshold follows from.
///
/// # Errors
///
/// When the lock is damaged, or lacks an interpreter for this machine.
pub fn parts(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    context: &Context,
) -> Result<(Vec<Part>, u32), MakeError> {
    let assembly = Assembly::new(locked, variant, None, context)?;
    Ok((assembly.parts(), assembly.base.layers()))
}

impl Assembly {
    /// What a variant is made of. `extras` are left out while locking: no threshold depends on them.
    ///
    /// # Errors
    ///
    /// When the lock is damaged, or lacks an interpreter for this machine.
    pub(crate) fn new(
        locked: &LockedVariant<'_>,
        variant: &Variant,
        extras: Option<Extras<'_>>,
        context: &Context,
    ) -> Result<Self, MakeError> {
        let given =
            variant.image.env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let conda = locked.conda.as_ref().map(|conda| (conda.set, conda.packages.as_slice()));
        let wheels = locked.pypi.as_ref().map(|pypi| &pypi.set.prefix);
        let wheels = wheels.filter(|prefix| conda.is_none_or(|(set, _)| set.prefix != **prefix));
        let layout = locked.variant.layout.as_ref();
        let base = Base::open(layout, &variant.base, variant.platform, &context.store)?;
        let mut assembly = Self {
            ingredients: Vec::new(),
            exclusions: BTreeMap::new(),
            parents: Parents::default(),
            variables: imgbuild_runtime::variables(base.environment(), conda, wheels, &given),
            base,
            python: None,
            targets: Vec::new(),
        };
        let timestamp = locked.variant.timestamp;
        assembly.check_base(locked.variant)?;
        let mut python = None;
        if let Some(debian) = &locked.debian {
            python = assembly.add_debian(debian, variant, timestamp, context)?;
        }
        if let Some(conda) = &locked.conda {
            python = assembly.add_conda(conda, variant, timestamp, context)?.or(python);
        }
        if let Some(pypi) = &locked.pypi {
            assembly.add_wheels(pypi, locked.variant, variant, python.as_ref(), context)?;
        }
        if let Some(conda) = &locked.conda {
            assembly.add_post_link(conda.set, &locked.post_link, variant, timestamp)?;
        }
        assembly.python = python;
        if assembly.base.has_shell() {
            let place = |path: &ImagePath| assembly.base.file_path(path).map_err(MakeError::from);
            let files = imgbuild_runtime::runtime_files(&assembly.variables, timestamp, place)?;
            files.into_iter().for_each(|files| assembly.add(Box::new(files), Vec::new()));
        }
        if let Some(extras) = extras {
            let text = Content::File { bytes: extras.lock_text.as_bytes().to_vec(), mode: 0o644 };
            let contents = BTreeMap::from([(assembly.base.file_path(&ImagePath::new(LOCK_PATH)?)?, text)]);
            let id = PartId::new("imgbuild", "lock");
            let files =
                Files::new(id, "the lock".to_owned(), Role::Metadata, None, contents, Owner::ROOT, timestamp);
            assembly.add(Box::new(files), Vec::new());
            if let Some(mut copies) = extras.copies {
                if let Some(image) = assembly.base.image() {
                    copies = copies.onto(image)?;
                }
                // All others depend on nothing but themselves.
                let has_python = !assembly.targets.is_empty() || assembly.base.image().is_some();
                let may_hold = |path: &ImagePath| assembly.may_hold(path);
                if copied_sources(&copies).any(|path| has_python || may_hold(path)) {
                    let copied = CopiedOver::new(copies, &assembly.below(), may_hold);
                    assembly.derive(Box::new(copied), Vec::new());
                } else {
                    assembly.add(Box::new(copies), Vec::new());
                }
            }
        }
        Ok(assembly)
    }

    /// Checks that the image that this one stands on can carry it, and takes over the modes and owners of its folders.
    fn check_base(&mut self, locked: &imgbuild_lock::Variant) -> Result<(), MakeError> {
        for (path, mode, owner) in self.base.image().into_iter().flat_map(|image| image.special_folders()) {
            self.parents.insert(path.clone(), mode, owner);
        }
        if let Some(set) = &locked.conda {
            self.base.check_prefix(&set.prefix)?;
            if let Some((package, _)) = self.variables.dynamic.first() {
                self.base.needs_bash(&format!("the activation scripts of `{package}`"))?;
            }
            if !set.post_link.is_empty() {
                self.base.needs_bash("post-link scripts")?;
            }
        }
        Ok(())
    }

    /// The parts of its ingredients, in their order.
    pub(crate) fn parts(&self) -> Vec<Part> {
        self.ingredients.iter().map(|ingredient| ingredient.part().clone()).collect()
    }

    /// Adds what runs something, with the archives that it reads.
    fn derive(&mut self, derived: Box<dyn Derived>, archives: Vec<Archive>) {
        self.ingredients.push(Arc::new(Ingredient::derived(derived, archives)));
    }

    /// Adds a Python, or further folders of one that is there.
    fn target(&mut self, target: Target) {
        let version = |target: &Target| target.compiler.as_ref().map(|it| it.version().to_owned());
        let is_same = |known: &&mut Target| known.tag == target.tag && version(known) == version(&target);
        match self.targets.iter_mut().find(is_same) {
            Some(known) => known.folders.0.extend(target.folders.0),
            None => self.targets.push(target),
        }
    }

    /// What is there so far, for what stands on it.
    fn below(&self) -> Below<'_> {
        Below {
            base: self.base.diff_ids(),
            parts: self.parts(),
            exclusions: &self.exclusions,
            targets: &self.targets,
            variables: &self.variables,
        }
    }

    /// Whether packages of the image may hold a source at a path.
    fn may_hold(&self, source: &ImagePath) -> bool {
        let of_debian = self.sources().any(|source| source.part().role == Role::Base);
        let roots = self.sources().filter_map(|it| it.part().root.clone());
        (of_debian && source.as_str().starts_with("usr/"))
            || self.targets.iter().any(|target| target.folders.hold(source))
            || roots.into_iter().any(|root| source.strip_prefix(&root).is_some())
    }

    /// What comes from archives alone.
    fn sources(&self) -> impl Iterator<Item = &dyn Source> {
        self.ingredients.iter().filter_map(|ingredient| ingredient.as_source())
    }

    /// Adds what comes from archives alone, before everything that is made over it.
    fn add(&mut self, source: Box<dyn Source>, archives: Vec<Archive>) {
        let at = self.ingredients.partition_point(|ingredient| ingredient.as_source().is_some());
        self.ingredients.insert(at, Arc::new(Ingredient::source(source, archives)));
    }

    fn exclude(&mut self, excluded: &[ExcludedPath]) {
        for ExcludedPath { part, path, .. } in excluded {
            self.exclusions.entry(part.clone()).or_default().insert(path.clone());
        }
    }

    fn add_debian(
        &mut self,
        debian: &LockedSet<'_, DebianSet, DebianPackage>,
        variant: &Variant,
        timestamp: i64,
        context: &Context,
    ) -> Result<Option<ImagePython>, MakeError> {
        let (set, packages) = (debian.set, debian.owned());
        for directory in packages.iter().flat_map(|package| &package.facts.directories) {
            // A mode that is no number was never written by us; the folder then counts as a usual one.
            let mode = u32::from_str_radix(&directory.mode, 8).unwrap_or(0o755);
            let owner = Owner { uid: directory.uid, gid: directory.gid };
            self.parents.insert(directory.path.clone(), mode, owner);
        }
        let account = imgbuild_debian::Account {
            name: DEFAULT_USER.name.to_owned(),
            uid: DEFAULT_USER.uid,
            group: "users".to_owned(),
            gid: DEFAULT_USER.gid,
            home: DEFAULT_USER.home.to_owned(),
            shell: DEFAULT_USER.shell.to_owned(),
        };
        let home = Owner { uid: DEFAULT_USER.uid, gid: DEFAULT_USER.gid };
        self.parents.insert(ImagePath::from_absolute(DEFAULT_USER.home)?, 0o755, home);
        let archive = |package: &DebianPackage| context.store.archive_path(&package.sha256);
        let interpreter = imgbuild_debian::interpreter(set, &packages);
        let compiler = interpreter
            .as_ref()
            .filter(|_| variant.layers.bytecode.makes_bytecode())
            .map(|interpreter| compiler::debian_compiler(debian, interpreter, variant, context));
        let compiler = compiler.transpose()?;
        let target = interpreter.as_ref().map(|interpreter| Target {
            tag: interpreter.cache_tag(),
            folders: BytecodeFolders(interpreter.modules.clone()),
            compiler: compiler.clone(),
        });
        target.iter().for_each(|target| self.target(target.clone()));
        let needed: BTreeMap<String, Archive> =
            packages.iter().map(|it| (it.name.clone(), it.archive())).collect();
        let in_image = |it: &&DebianPackage| !set.left_out.contains(&it.id());
        let of_image: Vec<Archive> = packages.iter().filter(in_image).map(LockedPackage::archive).collect();
        let accounts = [account];
        for source in imgbuild_debian::sources(set, &packages, archive, &accounts, timestamp) {
            let part = source.part();
            match (part.role, &target) {
                (Role::Base, Some(target)) if imgbuild_debian::holds_modules(&packages, part.id.name()) => {
                    let archives = needed.get(part.id.name()).into_iter().cloned().collect();
                    let source = Bytecode::new(source, target.clone(), context.store.clone());
                    self.add(Box::new(source), archives);
                }
                (Role::Base, _) => {
                    let archives = needed.get(part.id.name()).into_iter().cloned().collect();
                    self.add(source, archives);
                }
                _ => self.add(source, of_image.clone()),
            }
        }
        let configuration =
            Configuration::new(set, &packages, archive, &accounts, timestamp, variant.platform);
        if let (Some(configuration), imgbuild_spec::Base::Debian(base)) = (configuration, &variant.base) {
            let (name, parents) = (variant_name(variant), self.parents.clone());
            let configuring =
                Configuring::new(name, configuration, parents, &base.packages, self.targets.clone());
            self.derive(Box::new(configuring), needed.values().cloned().collect());
        }
        if let Some(files) = imgbuild_debian::apt_files(set, timestamp)? {
            self.add(Box::new(files), Vec::new());
        }
        self.exclude(&set.excluded);
        Ok(interpreter.and_then(|found| {
            let python = ImagePython::new(&found.version, found.program, None)?;
            Some(ImagePython { compiler, ..python })
        }))
    }

    fn add_conda(
        &mut self,
        conda: &LockedSet<'_, CondaSet, CondaPackage>,
        variant: &Variant,
        timestamp: i64,
        context: &Context,
    ) -> Result<Option<ImagePython>, MakeError> {
        let set = conda.set;
        let owner = prefix_owner(variant, &self.base)?;
        let error = |error| MakeFailure::Environment(Box::new(error));
        let Plan { environment, packages, python_version, bytecode_folders, cache_tag } =
            imgbuild_conda::plan_environment(set, &conda.packages, variant.platform, owner).map_err(error)?;
        if owner != Owner::ROOT {
            self.parents.insert_tree(set.prefix.clone(), owner);
        }
        let python = python_version.clone().zip(cache_tag.clone());
        let compiler = match python.filter(|_| variant.layers.bytecode.makes_bytecode()) {
            Some(python) => Some(compiler::conda_compiler(conda, python, variant, context)?),
            None => None,
        };
        let target = cache_tag.map(|tag| Target {
            tag,
            folders: BytecodeFolders(bytecode_folders),
            compiler: compiler.clone(),
        });
        target.iter().for_each(|target| self.target(target.clone()));
        let site_packages = environment.python.as_ref();
        let site_packages = site_packages.map(|it| it.site_packages_path.to_string_lossy().into_owned());
        let program = set.prefix.join("bin/python")?;
        let python = python_version.and_then(|it| ImagePython::new(&it, program, site_packages));
        for (package, role) in packages {
            let path = context.store.archive_path(&package.sha256);
            let source = imgbuild_conda::Package::new(package, role, Arc::clone(&environment), path)?;
            let needed = vec![package.archive()];
            match &target {
                Some(target) if imgbuild_conda::may_hold_python(package) => {
                    let source = Bytecode::new(source, target.clone(), context.store.clone());
                    self.add(Box::new(source), needed);
                }
                _ => self.add(Box::new(source), needed),
            }
        }
        self.exclude(&set.excluded);
        self.add(Box::new(imgbuild_conda::environment_files(conda, owner, timestamp)?), Vec::new());
        Ok(python.map(|python| ImagePython { compiler, ..python }))
    }

    /// The scripts run when all packages are there, wheels as well.
    fn add_post_link(
        &mut self,
        set: &CondaSet,
        scripts: &[&CondaPackage],
        variant: &Variant,
        timestamp: i64,
    ) -> Result<(), MakeError> {
        let owner = prefix_owner(variant, &self.base)?;
        let scripts = scripts.iter().map(|package| (*package).clone()).collect();
        let post_link = PostLink::new(set, scripts, variant.platform, owner, timestamp, &self.below());
        post_link.into_iter().for_each(|it| self.derive(Box::new(it), Vec::new()));
        Ok(())
    }

    fn add_wheels(
        &mut self,
        pypi: &LockedSet<'_, PypiSet, PypiPackage>,
        locked: &imgbuild_lock::Variant,
        variant: &Variant,
        python: Option<&ImagePython>,
        context: &Context,
    ) -> Result<(), MakeError> {
        let set = pypi.set;
        let conda = locked.conda.as_ref().filter(|conda| conda.prefix == set.prefix);
        let python = python.ok_or(MakeFailure::NoPython)?;
        let owner = match conda {
            Some(_) => prefix_owner(variant, &self.base)?,
            // As with a manager of conda: who has pip in an environment wants to change it.
            None if set.requested.iter().any(|name| name == "pip") => {
                self.base.owner(variant.image.user.as_ref())?
            }
            None => Owner::ROOT,
        };
        if conda.is_none() {
            self.base.check_prefix(&set.prefix)?;
        }
        if owner != Owner::ROOT {
            self.parents.insert_tree(set.prefix.clone(), owner);
        }
        let layout = wheel_sources::layout(set, conda, python, owner)?;
        let is_virtual = conda.is_none();
        self.target(python.target(&layout));
        let sources =
            wheel_sources::sources(&pypi.packages, layout, is_virtual, python, locked.timestamp, context)?;
        sources.into_iter().for_each(|(source, archives)| self.add(source, archives));
        self.exclude(&set.excluded);
        Ok(())
    }
}

/// Whom the prefix belongs to: to the image's user where it may be changed from inside, else to root.
fn prefix_owner(variant: &Variant, base: &Base) -> Result<Owner, MakeError> {
    let writable =
        variant.conda.as_ref().is_some_and(|conda| conda.writable || conda.manager != Manager::None);
    if writable { Ok(base.owner(variant.image.user.as_ref())?) } else { Ok(Owner::ROOT) }
}
