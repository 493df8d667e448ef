//! Locking the conda environment of a variant.

use std::collections::BTreeMap;

use futures::FutureExt;
use imgbuild_archive::ImagePath;
use imgbuild_conda::{
    CudaLine, EnvironmentRequest, LeftOpen, LockedEnvironment, LockedEnvironmentError, LockedLookup,
    Metadata, Request, ServedChannel, Solving,
};
use imgbuild_environment::ChannelPriority;
use imgbuild_fetch::{Event, secrets};
use imgbuild_lock::{CondaFacts, CondaPackage, CondaSet};
use imgbuild_oci::Digest;
use imgbuild_spec::{Capability, CondaPackages, Cuda, LayerSize, Variant};

use crate::conda_errors::conda_error;
use crate::error::LockSpecError;
use crate::locking::Locker;
use crate::match_specs::{constraints, match_specs};
use crate::other_locks;

impl Locker<'_> {
    /// The environment of a variant, over a base with this `glibc`.
    ///
    /// # Errors
    ///
    /// When it cannot be solved or read.
    pub(crate) async fn environment(
        &mut self,
        variant: &Variant,
        conda: &imgbuild_spec::Conda,
        glibc: Option<&str>,
    ) -> Result<CondaSet, LockSpecError> {
        let names = conda.channels.iter().map(|channel| &channel.name);
        let settings = self.context.channel_settings()?;
        let (root, variables) = (self.spec.folder(), &self.context.variables);
        let place = imgbuild_conda::ChannelLookup { root, variables, settings: &settings };
        let channels = imgbuild_conda::channels(names.clone(), &conda.mirrors, place)?;
        let serving = imgbuild_conda::serving_channels(names, &conda.mirrors, place)?;
        let fetcher = &self.context.channel_fetcher()?.knowing(&secrets(variant, &serving, self.context));
        self.tell_of_channels(conda, &settings);
        let priority = conda.channel_priority.or(settings.channel_priority()).unwrap_or_default();
        let wishes = self.wishes(variant, conda, glibc, (channels, priority))?;
        let store = &self.context.store;
        let solving = Solving::new(fetcher.client(), &serving, store.repodata_folder().join("conda-v1"))?;
        let metadata = Metadata {
            client: fetcher.client(),
            archives: fetcher,
            store,
            channels: &serving,
            accept_damaged: &wishes.accept_damaged,
        };
        let records = match &conda.packages {
            CondaPackages::Requirements(_) => None,
            CondaPackages::Locked(locked) => {
                self.context.reporter.event(Event::Taking { file: locked.file.clone() });
                let request = &wishes.request;
                let taking = LockedLookup {
                    solving: &solving,
                    metadata: &metadata,
                    channels: &request.channels,
                    subdir: request.subdir,
                    cuda: request.cuda,
                    virtual_packages: &request.virtual_packages,
                    known: &request.locked,
                };
                Some(other_locks::take(variant, locked, &taking).await?)
            }
        };
        let locked = imgbuild_conda::lock_environment(&wishes, &solving, &metadata, records).boxed().await;
        solving.notes().into_iter().for_each(|note| self.tell(note));
        let locked = locked.map_err(|error| conda_error(variant, conda, error))?;
        let LockedEnvironment { set, packages, sizes } = locked;
        self.sizes.extend(sizes);
        if let (CondaPackages::Requirements(_), Some(line)) = (&conda.packages, wishes.request.cuda) {
            self.tell_of_other_line(line, &packages);
        }
        self.lock.add_conda(packages);
        Ok(set)
    }

    /// Says what conda's settings and the spec leave open, and how it is decided.
    fn tell_of_channels(&mut self, conda: &imgbuild_spec::Conda, settings: &imgbuild_conda::ChannelSettings) {
        if let Some(part) = &conda.pip_part {
            let text = format!(
                "`{}` has a `pip:` part and lists neither pip nor Python: pip is added, which brings the newest Python that fits",
                part.file()
            );
            self.tell(text);
        }
        let is_solved = matches!(conda.packages, CondaPackages::Requirements(_));
        let names: Vec<String> = conda.channels.iter().map(|channel| channel.name.to_string()).collect();
        let names = names.iter().map(String::as_str);
        let open = LeftOpen {
            priority: is_solved && conda.channel_priority.is_none(),
            channels: conda.channels_are_open,
        };
        for note in settings.notes(names, open) {
            self.tell(note);
        }
    }

    /// What a conda environment is to be.
    fn wishes(
        &self,
        variant: &Variant,
        conda: &imgbuild_spec::Conda,
        glibc: Option<&str>,
        (channels, channel_priority): (Vec<ServedChannel>, ChannelPriority),
    ) -> Result<EnvironmentRequest, LockSpecError> {
        let cuda = variant.cuda.as_ref();
        let supported = cuda.map(Cuda::supported);
        let capability = cuda.and_then(Cuda::lowest_capability).map(Capability::as_str);
        let line = |cuda: &Cuda| {
            let (major, minor) = cuda.version.numbers();
            CudaLine { major, minor }
        };
        let subdir = imgbuild_conda::subdir(variant.platform);
        let request = Request {
            specs: match_specs(variant, conda),
            pip: conda.pip,
            constraints: if conda.pip { constraints(variant) } else { Vec::new() },
            subdir,
            virtual_packages: imgbuild_conda::virtual_packages(
                subdir,
                glibc,
                supported.as_deref().map(|supported| (supported, capability)),
            ),
            cuda: cuda.map(line),
            channel_priority,
            exclude_newer: conda.exclude_newer.map(|time| time.timestamp()),
            locked: self.kept_records(variant)?,
            channels,
        };
        Ok(EnvironmentRequest {
            request,
            platform: variant.platform,
            prefix: ImagePath::from_absolute(conda.prefix.as_str())?,
            root_prefix: conda
                .root_prefix
                .as_ref()
                .map(|root| ImagePath::from_absolute(root.as_str()))
                .transpose()?,
            alias: conda.alias.as_ref().map(ToString::to_string),
            name: conda.environment_name.as_ref().map_or_else(|| "base".to_owned(), ToString::to_string),
            variables: conda
                .variables
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            allow_post_link: conda.allow_post_link.iter().map(ToString::to_string).collect(),
            skip_post_link: conda.skip_post_link.iter().map(ToString::to_string).collect(),
            accept_damaged: conda.accept_damaged.iter().map(ToString::to_string).collect(),
            hosts: self.hosts(variant),
            sizes_above: variant.layers.max_layer.map(LayerSize::bytes),
            known: self.known_facts(),
        })
    }

    /// Tells of a toolkit of another minor version than the spec names.
    fn tell_of_other_line(&mut self, line: CudaLine, packages: &[CondaPackage]) {
        let version = packages.iter().find(|it| it.name() == "cuda-version").map(CondaPackage::version);
        if let Some(version) = version.filter(|version| *version != line.to_string()) {
            self.tell(format!(
                "the spec asks for CUDA {line}, and the packages are built for CUDA {version}, which runs on the same drivers"
            ));
        }
    }

    /// What the earlier lock has for this variant, and may stay.
    fn kept_records(&self, variant: &Variant) -> Result<Vec<imgbuild_conda::Record>, LockSpecError> {
        let same = self.same(variant)?;
        let packages = same.iter().flat_map(|same| &same.conda).flat_map(|conda| &conda.packages);
        let kept = packages.filter(|package| self.upgrade.keeps(package.name()));
        let records = kept.map(|package| imgbuild_conda::record(package)).collect::<Result<Vec<_>, _>>();
        Ok(records.map_err(LockedEnvironmentError::from)?)
    }

    fn known_facts(&self) -> BTreeMap<Digest, CondaFacts> {
        let packages = self.earlier.iter().flat_map(|lock| &lock.conda);
        packages.map(|package| (package.sha256, package.facts.clone())).collect()
    }
}
