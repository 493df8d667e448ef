//! Debian packages as ingredients.

use std::collections::BTreeMap;

use imgbuild_archive::Owner;
use imgbuild_debian::{BASE, Configuration};
use imgbuild_fetch::Context;
use imgbuild_layer::Parents;
use imgbuild_lock::{Archive, DebianPackage, DebianSet, LockedPackage, LockedSet};
use imgbuild_python::{Bytecode, BytecodeFolders, Target};
use imgbuild_spec::Variant;

use super::{Assembly, Ecosystem};
use crate::compiler;
use crate::configuring::Configuring;
use crate::error::MakeError;
use crate::variant_name::variant_name;
use crate::wheel_sources::ImagePython;

/// The Debian packages of a variant.
pub(super) struct Debian<'a> {
    pub(super) locked: &'a LockedSet<'a, DebianSet, DebianPackage>,
    pub(super) variant: &'a Variant,
    pub(super) timestamp: i64,
    pub(super) context: &'a Context,
}

impl Ecosystem for Debian<'_> {
    fn add(&self, assembly: &mut Assembly) -> Result<(), MakeError> {
        let Self { locked: debian, variant, timestamp, context } = *self;
        let (set, packages) = (debian.set, debian.owned());
        add_folders(&packages, &mut assembly.parents);
        let archive = |package: &DebianPackage| context.store.archive_path(&package.sha256);
        let interpreter = imgbuild_debian::interpreter(set, &packages);
        let compiler = interpreter.as_ref().filter(|_| variant.layers.bytecode.makes_bytecode());
        let compiler =
            compiler.map(|it| compiler::debian_compiler(debian, it, variant, context)).transpose()?;
        let target = interpreter.as_ref().map(|interpreter| Target {
            tag: interpreter.cache_tag(),
            folders: BytecodeFolders(interpreter.modules.clone()),
            compiler: compiler.clone(),
        });
        target.iter().for_each(|target| assembly.target(target.clone()));
        let needed: BTreeMap<String, Archive> =
            packages.iter().map(|it| (it.name.clone(), it.archive())).collect();
        let in_image = |it: &&DebianPackage| !set.left_out.contains(&it.id());
        let of_image: Vec<Archive> = packages.iter().filter(in_image).map(LockedPackage::archive).collect();
        let users = [super::users::user(variant)];
        for source in imgbuild_debian::sources(set, &packages, archive, &users, timestamp) {
            let part = source.part();
            if part.role != BASE {
                assembly.add(source, of_image.clone());
                continue;
            }
            let archives = needed.get(part.id.name()).into_iter().cloned().collect();
            match &target {
                Some(target) if imgbuild_debian::holds_modules(&packages, part.id.name()) => {
                    let source = Bytecode::new(source, target.clone(), context.store.clone());
                    assembly.add(Box::new(source), archives);
                }
                _ => assembly.add(source, archives),
            }
        }
        let configuration = Configuration::new(set, &packages, archive, &users, timestamp, variant.platform);
        if let (Some(configuration), imgbuild_spec::Base::Debian(base)) = (configuration, &variant.base) {
            let (name, parents) = (variant_name(variant), assembly.parents.clone());
            let configuring =
                Configuring::new(name, configuration, parents, &base.packages, assembly.targets.clone());
            assembly.derive(Box::new(configuring), needed.values().cloned().collect());
        }
        if let Some(files) = imgbuild_debian::apt_files(set, timestamp)? {
            assembly.add(Box::new(files), Vec::new());
        }
        assembly.exclude(&set.excluded);
        let python = interpreter.and_then(|found| {
            let python = ImagePython::new(&found.version, found.program, None)?;
            Some(ImagePython { compiler, ..python })
        });
        assembly.python = python.or(assembly.python.take());
        Ok(())
    }
}

/// Adds the folders of packages that are not like others.
fn add_folders(packages: &[DebianPackage], parents: &mut Parents) {
    for directory in packages.iter().flat_map(|package| &package.facts.directories) {
        // A mode that is no number was never written by us; the folder then counts as a usual one.
        let mode = u32::from_str_radix(&directory.mode, 8).unwrap_or(0o755);
        let owner = Owner { uid: directory.uid, gid: directory.gid };
        parents.insert(directory.path.clone(), mode, owner);
    }
}
