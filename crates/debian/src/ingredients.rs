//! The Debian packages of a variant, as what an image is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_ecosystem::{
    Ecosystem, EcosystemError, HostInterpreter, ImagePython, Ingredients, OwnLibrary, Surroundings,
};
use imgbuild_layer::{Parents, Source};
use imgbuild_lock::{Archive, DebianPackage, DebianSet, LockedCompiler, LockedPackage, LockedSet};
use imgbuild_oci::Platform;
use imgbuild_python::{Bytecode, BytecodeFolders, Target};
use imgbuild_runtime::User;

use crate::apt::apt_files;
use crate::configuration::Configuration;
use crate::interpreter::{Interpreter, holds_modules, interpreter};
use crate::package::locked_package::Package;
use crate::resolving::locking::sources;
use crate::role::is_of_packages;

/// The Debian packages of a variant.
pub struct Packages<'a> {
    /// What the lock says of them.
    pub locked: &'a LockedSet<'a, DebianSet, DebianPackage>,
    /// The image's platform.
    pub platform: Platform,
    /// The users that the image has beside Debian's own.
    pub users: Vec<User>,
    /// The time of what no package holds, in seconds since 1970.
    pub timestamp: i64,
}

impl Packages<'_> {
    /// Those that dpkg configures, with all that they need there; nothing where there are none. `archive` tells the file of each
    /// package's archive.
    pub fn configuration(&self, archive: impl Fn(&DebianPackage) -> PathBuf) -> Option<Configuration> {
        let Self { locked, platform, users, timestamp } = self;
        Configuration::new(locked.set, &locked.owned(), archive, users, *timestamp, *platform)
    }
}

impl Ecosystem for Packages<'_> {
    fn ingredients(&self, surroundings: &Surroundings<'_>) -> Result<Ingredients, EcosystemError> {
        let (set, packages, store) = (self.locked.set, self.locked.owned(), surroundings.store);
        let mut ingredients = Ingredients { parents: folders(&packages), ..Ingredients::default() };
        if let Some(found) = interpreter(set, &packages) {
            let own = store.clone();
            let archive = move |package: &DebianPackage| own.archive_path(&package.sha256);
            let compiler = surroundings
                .compiler(&self.locked.compilers, |compiler| host_interpreter(&found, compiler, archive))?;
            let (tag, folders) = (found.cache_tag(), BytecodeFolders(found.modules));
            ingredients.target = Some(Target { tag, folders, compiler: compiler.clone() });
            ingredients.python = ImagePython::new(&found.version, found.program, None, compiler);
        }
        let archive = |package: &DebianPackage| store.archive_path(&package.sha256);
        let in_image = |it: &&DebianPackage| !set.left_out.contains(&it.id());
        let of_image: Vec<Archive> = packages.iter().filter(in_image).map(LockedPackage::archive).collect();
        let of_package: BTreeMap<&str, Archive> =
            packages.iter().map(|it| (it.name.as_str(), it.archive())).collect();
        let sources = sources(set, &packages, archive, &self.users, self.timestamp);
        for source in sources.map_err(EcosystemError::packages)? {
            let part = source.part();
            if !is_of_packages(part.role) {
                ingredients.add(source, of_image.clone());
                continue;
            }
            let archives = of_package.get(part.id.name()).into_iter().cloned().collect();
            let source = match &ingredients.target {
                Some(target) if holds_modules(&packages, part.id.name()) => {
                    Box::new(Bytecode::new(source, target.clone(), store.clone()))
                }
                _ => source,
            };
            ingredients.add(source, archives);
        }
        if let Some(files) = apt_files(set, self.timestamp)? {
            ingredients.add(Box::new(files), Vec::new());
        }
        ingredients.excluded.clone_from(&set.excluded);
        Ok(ingredients)
    }
}

/// Debian's Python as the build machine runs it. `archive` tells the file of each package's archive.
fn host_interpreter(
    python: &Interpreter,
    compiler: &LockedCompiler<'_, DebianPackage>,
    archive: impl Fn(&DebianPackage) -> PathBuf + Send + Sync + 'static,
) -> Result<HostInterpreter, EcosystemError> {
    let LockedCompiler { host, packages } = compiler;
    let (loader, library) = match host {
        Platform::LinuxAmd64 => ("ld-linux-x86-64.so.2", "x86_64-linux-gnu"),
        Platform::LinuxArm64 => ("ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
    };
    let library = ImagePath::new(&format!("usr/lib/{library}"))?;
    let loader = library.join(loader)?;
    let archives = packages.iter().map(|package| package.archive()).collect();
    let packages: Vec<DebianPackage> = packages.iter().map(|package| (*package).clone()).collect();
    let source = move |package: &DebianPackage| -> Box<dyn Source> {
        Box::new(Package::new(package, &archive(package)))
    };
    Ok(HostInterpreter {
        version: python.version.clone(),
        tag: python.cache_tag(),
        archives,
        sources: Box::new(move || Ok(packages.iter().map(&source).collect())),
        folder: ImagePath::new("usr")?,
        program: python.program.clone(),
        // It is linked with Debian's glibc, which the build machine may not have.
        library: Some(OwnLibrary { folder: library, loader }),
    })
}

/// The folders of packages that are not like others.
fn folders(packages: &[DebianPackage]) -> Parents {
    let mut parents = Parents::default();
    for directory in packages.iter().flat_map(|package| &package.facts.directories) {
        // A mode that is no number was never written by us; the folder then counts as a usual one.
        let mode = u32::from_str_radix(&directory.mode, 8).unwrap_or(0o755);
        let owner = Owner { uid: directory.uid, gid: directory.gid };
        parents.insert(directory.path.clone(), mode, owner);
    }
    parents
}
