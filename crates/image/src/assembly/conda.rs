//! A conda environment as ingredients.

use std::sync::Arc;

use imgbuild_conda::Plan;
use imgbuild_fetch::Context;
use imgbuild_lock::{CondaPackage, CondaSet, LockedPackage, LockedSet};
use imgbuild_python::{Bytecode, BytecodeFolders, Target};
use imgbuild_spec::Variant;

use super::{Assembly, Ecosystem, prefix_ownership};
use crate::compiler;
use crate::error::{MakeError, MakeFailure};
use crate::post_link::PostLink;
use crate::wheel_sources::ImagePython;

/// The conda environment of a variant.
pub(super) struct Conda<'a> {
    pub(super) locked: &'a LockedSet<'a, CondaSet, CondaPackage>,
    /// The packages whose scripts run.
    pub(super) post_link: &'a [&'a CondaPackage],
    pub(super) variant: &'a Variant,
    pub(super) timestamp: i64,
    pub(super) context: &'a Context,
}

impl Ecosystem for Conda<'_> {
    fn add(&self, assembly: &mut Assembly) -> Result<(), MakeError> {
        let Self { locked: conda, variant, timestamp, context, .. } = *self;
        let set = conda.set;
        let ownership = prefix_ownership(variant, &assembly.base)?;
        let error = |error| MakeFailure::Environment(Box::new(error));
        let Plan { environment, packages, python_version, bytecode_folders, cache_tag } =
            imgbuild_conda::plan_environment(set, &conda.packages, variant.platform).map_err(error)?;
        assembly.parents.insert_tree(set.prefix.clone(), ownership.folder_mode(), ownership.owner());
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
        target.iter().for_each(|target| assembly.target(target.clone()));
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
                    assembly.add(ownership.source(Box::new(source)), needed);
                }
                _ => assembly.add(ownership.source(Box::new(source)), needed),
            }
        }
        assembly.exclude(&set.excluded);
        let files = imgbuild_conda::environment_files(conda, timestamp)?;
        assembly.add(ownership.source(Box::new(files)), Vec::new());
        let python = python.map(|python| ImagePython { compiler, ..python });
        assembly.python = python.or(assembly.python.take());
        Ok(())
    }

    /// The scripts run when all packages are there, wheels as well.
    fn add_last(&self, assembly: &mut Assembly) -> Result<(), MakeError> {
        let ownership = prefix_ownership(self.variant, &assembly.base)?;
        let scripts = self.post_link.iter().map(|package| (*package).clone()).collect();
        let post_link = PostLink::new(
            self.locked.set,
            scripts,
            self.variant.platform,
            ownership,
            self.timestamp,
            &assembly.below(),
        );
        post_link.into_iter().for_each(|it| assembly.derive(Box::new(it), Vec::new()));
        Ok(())
    }
}
