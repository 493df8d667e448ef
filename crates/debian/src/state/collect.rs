//! What the state needs to know of all packages' files.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use imgbuild_archive::ImagePath;

use super::StateError;
use super::read::ReadPackage;
use crate::package::locked_package::Package;

/// All packages, in order.
#[derive(Debug)]
pub(crate) struct BasePackages {
    pub(crate) packages: Vec<Arc<ReadPackage>>,
    /// The paths of all packages that are not folders.
    pub(crate) paths: BTreeSet<ImagePath>,
}

impl BasePackages {
    /// Reads every package that was not read while its layer was written, on as many threads as there are cores.
    pub(crate) fn read(packages: &[Package]) -> Result<Self, StateError> {
        let next = AtomicUsize::new(0);
        let results: Vec<OnceLock<Result<Arc<ReadPackage>, StateError>>> =
            packages.iter().map(|_| OnceLock::new()).collect();
        let work = || {
            let take = || {
                let index = next.fetch_add(1, Ordering::Relaxed);
                packages.get(index).zip(results.get(index))
            };
            while let Some((package, result)) = take() {
                result.get_or_init(|| package.read());
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(packages.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        let results = results.into_iter().map(|it| it.into_inner().unwrap_or(Err(StateError::Stopped)));
        let packages = results.collect::<Result<Vec<Arc<ReadPackage>>, _>>()?;
        let paths = packages.iter().flat_map(|it| it.paths.iter().cloned()).collect();
        Ok(Self { packages, paths })
    }
}
