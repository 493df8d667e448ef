//! What one variant is made of, known from the lock before anything is fetched.

mod ecosystems;
mod origin;
mod runtime;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_base::Base;
use imgbuild_copies::Copies;
use imgbuild_ecosystem::{Compilers, Execution, ImagePython, Ingredients, Surroundings};
use imgbuild_fetch::{Context, in_each_environment};
use imgbuild_layer::{Exclusions, Parents, Part, PartId, Source};
use imgbuild_lock::{Archive, ExcludedPath, LockedVariant};
use imgbuild_python::Target;
use imgbuild_runtime::{Environment, OwnStart, Variables};
use imgbuild_spec::Variant;

use self::ecosystems::{PackageScripts, debian, ecosystems};
use crate::compiler::VariantCompilers;
use crate::copied_over::{CopiedOver, sources as copied_sources};
use crate::derived::{Derived, Foundation};
use crate::error::MakeError;
use crate::ingredient::Ingredient;

/// What one variant is made of.
pub(crate) struct Assembly {
    /// Its parts: first those that come from archives alone, then what is made over them, in the order in which it is made.
    pub(crate) ingredients: Vec<Arc<Ingredient>>,
    /// The paths that parts leave to others, in the order of the ecosystems.
    pub(crate) excluded: Vec<ExcludedPath>,
    /// What was run to have the archives of its packages.
    pub(crate) executions: Vec<Execution>,
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
    /// What of our own is run when a container starts.
    pub(crate) own: OwnStart,
}

/// The texts and files that only a build has, and locking not.
pub(crate) struct Extras<'a> {
    /// The lock's text, which is in the image.
    pub lock_text: &'a str,
    /// The files that are copied.
    pub copies: Option<Copies>,
}

/// What the plan of a variant follows from.
pub struct VariantParts {
    /// Its parts.
    pub parts: Vec<Part>,
    /// How many layers what it stands on has.
    pub reserved: u32,
    /// The paths that parts leave out.
    pub exclusions: BTreeMap<PartId, Exclusions>,
}

/// What the plan of a variant follows from.
///
/// # Errors
///
/// When the lock is damaged, or lacks an interpreter for this machine.
pub fn parts(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    context: &Context,
) -> Result<VariantParts, MakeError> {
    let assembly = Assembly::new(locked, variant, None, context)?;
    let (parts, reserved) = (assembly.parts(), assembly.base.layers());
    Ok(VariantParts { parts, reserved, exclusions: assembly.exclusions })
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
        let mut given = variant.cuda.as_ref().map(imgbuild_runtime::cuda_variables).unwrap_or_default();
        given.extend(variant.image.env.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let environment = Environment::default_of(locked);
        let existing = locked.variant.existing();
        if let (imgbuild_spec::Base::Image(image), Some(locked)) = (&variant.base, existing) {
            context.know_base(image, locked)?;
        }
        let base = Base::open(existing, &variant.base, variant.platform, &context.layers)?;
        let views = variant.in_each_environment();
        let has_python = views.iter().any(|it| it.conda.is_some() || it.python.is_some() || it.pip.is_some());
        let site = users::site(variant, &base).filter(|_| has_python);
        let mut assembly = Self {
            ingredients: Vec::new(),
            excluded: Vec::new(),
            executions: Vec::new(),
            exclusions: BTreeMap::new(),
            parents: Parents::default(),
            variables: imgbuild_runtime::variables(base.environment(), &environment, site.as_ref(), &given),
            base,
            python: None,
            targets: Vec::new(),
            own: OwnStart::default(),
        };
        assembly.check_base(locked.variant)?;
        assembly.add_user(locked.variant, variant)?;
        assembly.add_packages(locked, variant, context)?;
        assembly.add_cuda(locked, variant)?;
        assembly.add_runtime(locked, variant, extras.is_some())?;
        if let Some(extras) = extras {
            assembly.add_lock(locked, variant, extras.lock_text)?;
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
        let others = || locked.environments.iter();
        let conda = || locked.conda.iter().chain(others().filter_map(|it| it.conda.as_ref()));
        let wheels = locked.pypi.iter().chain(others().filter_map(|it| it.pypi.as_ref()));
        let prefixes: BTreeSet<&ImagePath> =
            conda().map(|set| &set.prefix).chain(wheels.map(|set| &set.prefix)).collect();
        prefixes.into_iter().try_for_each(|prefix| self.base.check_prefix(prefix))?;
        if let Some((package, _)) = self.variables.dynamic.first() {
            self.base.needs_bash(&format!("the activation scripts of `{package}`"))?;
        }
        if conda().any(|set| !set.post_link.is_empty()) {
            self.base.needs_bash("post-link scripts")?;
        }
        Ok(())
    }

    /// Adds Debian's packages, those of each environment, and what of theirs runs.
    fn add_packages(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        context: &Context,
    ) -> Result<(), MakeError> {
        if let Some(debian) = debian(locked, variant) {
            let compilers = compilers(locked, variant, context)?;
            self.python = self.add_ecosystem(&debian, None, compilers.as_ref(), context)?;
            let scripts = debian.over_own(self, variant, context);
            self.ingredients.extend(scripts.map(Arc::new));
        }
        let environments = in_each_environment(locked, variant);
        let beneath = self.python.clone();
        let mut all = Vec::new();
        for (locked, variant) in &environments {
            let compilers = compilers(locked, variant, context)?;
            let ecosystems = ecosystems(locked, variant, &self.base)?;
            let mut python = beneath.clone();
            for ecosystem in &ecosystems {
                let own = self.add_ecosystem(&**ecosystem, python.as_ref(), compilers.as_ref(), context)?;
                python = own.or(python);
            }
            if variant.environment.is_none() {
                self.python = python;
            }
            all.push((locked, ecosystems));
        }
        for (locked, ecosystems) in &all {
            for ecosystem in ecosystems {
                let scripts = ecosystem.over_all(self, locked);
                self.ingredients.extend(scripts.map(Arc::new));
            }
        }
        Ok(())
    }

    /// Adds what the packages of an ecosystem become over a Python, and gives the one that they bring.
    fn add_ecosystem(
        &mut self,
        ecosystem: &dyn PackageScripts,
        python: Option<&ImagePython>,
        compilers: Option<&VariantCompilers>,
        context: &Context,
    ) -> Result<Option<ImagePython>, MakeError> {
        let compilers = compilers.map(|it| it as &dyn Compilers);
        let surroundings = Surroundings { store: &context.store, python, compilers };
        let Ingredients { sources, parents, excluded, executions, python, target } =
            ecosystem.ingredients(&surroundings)?;
        sources.into_iter().for_each(|(source, archives)| self.add(source, archives));
        self.parents.extend(parents);
        for ExcludedPath { part, path, .. } in &excluded {
            self.exclusions.entry(part.clone()).or_default().insert(path.clone());
        }
        self.excluded.extend(excluded);
        self.executions.extend(executions);
        target.into_iter().for_each(|target| self.target(target));
        Ok(python)
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
    fn below(&self) -> Foundation<'_> {
        Foundation {
            base: self.base.diff_ids(),
            parts: self.parts(),
            exclusions: &self.exclusions,
            targets: &self.targets,
            variables: &self.variables,
        }
    }

    /// Whether packages of the image may hold a source at a path.
    fn may_hold(&self, source: &ImagePath) -> bool {
        let of_debian = self.sources().any(|source| imgbuild_debian::is_of_packages(source.part().role));
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
}

/// What compiles the bytecode of an environment of a variant; nothing where it gets none.
fn compilers(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    context: &Context,
) -> Result<Option<VariantCompilers>, MakeError> {
    let makes_bytecode = variant.layers.bytecode.makes_bytecode();
    makes_bytecode.then(|| VariantCompilers::new(locked, variant, context)).transpose()
}
