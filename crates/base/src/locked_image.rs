//! Locking an existing image.

use imgbuild_archive::ImagePath;
use imgbuild_document::Snippet;
use imgbuild_lock::{BasePython, ImageBase, ImageBaseLayer};
use imgbuild_oci::{Blobs, Digest, Platform, StoredImage};
use imgbuild_spec::{Layout, Python, RegistryImage};
use imgbuild_store::{LayerCaches, Store};

use crate::content::pack;
use crate::failure::{BaseFailure, Named};
use crate::image::BaseImage;
use crate::kept::view;
use crate::python_beneath::{NoPython, PythonBeneath};
use crate::reading::{remote, stored, unreadable};
use crate::view::BaseView;

/// An existing image, as it is locked.
pub struct LockedImage {
    /// What the lock says of it.
    pub base: ImageBase,
    view: BaseView,
    named: Named,
    /// Where it is read from, where that is a file or folder.
    layout: Option<Layout>,
}

impl LockedImage {
    /// Locks the image of a spec that is a file or folder.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(layout: &Layout, platform: Platform, store: &Store) -> Result<Self, BaseFailure> {
        let named = Named::from(layout);
        let stored = stored(layout, platform).map_err(|error| BaseFailure::of(&named, error))?;
        let view = view(&stored, platform, store, &named)?;
        Ok(Self { base: base(&stored, &view), view, named, layout: Some(layout.clone()) })
    }

    /// Locks the image of a registry, as its manifest says. `index` is the digest of the list of images that the reference of the
    /// spec means, where it means one. Its layers are read where it is not known yet what they hold.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn of_registry(
        image: &RegistryImage,
        index: Option<Digest>,
        manifest: &[u8],
        blobs: Box<dyn Blobs>,
        platform: Platform,
        store: &Store,
    ) -> Result<Self, BaseFailure> {
        let named = Named::from(image);
        let stored = StoredImage::of_manifest(&named.text, manifest, blobs, platform)
            .map_err(|error| BaseFailure::of(&named, error))?;
        let view = view(&stored, platform, store, &named)?;
        let content = pack(&stored, &view).map_err(|error| unreadable(&named, error))?;
        Ok(Self { base: ImageBase { index, content, ..base(&stored, &view) }, view, named, layout: None })
    }

    /// The image of a registry as an earlier lock has it.
    ///
    /// # Errors
    ///
    /// When that is damaged, or says too little of it and its layers cannot be read.
    pub fn kept(
        image: &RegistryImage,
        locked: &ImageBase,
        platform: Platform,
        layers: &LayerCaches,
    ) -> Result<Self, BaseFailure> {
        let BaseImage { view, named, .. } = BaseImage::of_registry(locked, image, platform, layers)?;
        Ok(Self { base: locked.clone(), view, named, layout: None })
    }

    /// The version of its glibc, which conda's packages need.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn glibc(&self) -> Result<&str, BaseFailure> {
        let (base, asked) = (self.named.text.clone(), self.named.asked());
        self.view.facts.glibc().map_err(|error| BaseFailure::BaseGlibc { base, error, asked })
    }

    /// Its layout or tarball, or its reference, as it is written.
    pub fn name(&self) -> &str {
        &self.named.text
    }

    /// Its Python, which was asked for at `asked`.
    ///
    /// # Errors
    ///
    /// When it has none, or one of which it is not known what it is.
    pub fn python(&self, asked: Snippet) -> Result<PythonBeneath, BaseFailure> {
        let (base, asked) =
            (self.named.text.clone(), self.named.asked().into_iter().chain([asked]).collect());
        PythonBeneath::of(&self.view.facts.pythons).map_err(|error| match error {
            NoPython::Absent => {
                let elsewhere = self.view.facts.pythons.installations.first();
                let other = "take one from conda, `python = { version = \"3.11\", from = \"conda\" }`";
                let hint = match elsewhere.map(|it| &it.program) {
                    Some(program) => format!("the base has `{program}`, whose folder is not on that `PATH`: build on an image that has it there; or {other}"),
                    None => format!("{other}; or build on an image that has one"),
                };
                BaseFailure::NoPython { base, hint, asked }
            }
            NoPython::Unknown(program) => {
                BaseFailure::UnknownPython { base, program: program.to_string(), asked }
            }
        })
    }

    /// Checks that its Python is of the version that a spec asks for.
    ///
    /// # Errors
    ///
    /// When it is another one.
    pub fn check_python(&self, found: &PythonBeneath, wanted: &Python) -> Result<(), BaseFailure> {
        let BasePython { version, program, .. } = &found.locked;
        if wanted.version.holds(version) {
            return Ok(());
        }
        Err(BaseFailure::OtherPython {
            base: self.named.text.clone(),
            found: format!("{version} (`{program}`)"),
            wanted: wanted.version.to_string(),
            asked: vec![wanted.origin.snippet("it was asked for here", "this version")],
        })
    }

    /// Checks that wheels can be chosen for it, which were asked for at `asked`.
    ///
    /// # Errors
    ///
    /// When it has no glibc.
    pub fn check_wheels(&self, asked: Snippet) -> Result<(), BaseFailure> {
        let (base, asked) =
            (self.named.text.clone(), self.named.asked().into_iter().chain([asked]).collect());
        let glibc = self.view.facts.glibc();
        glibc.map(drop).map_err(|error| BaseFailure::WheelsGlibc { base, error: error.into(), asked })
    }

    /// A folder for a virtual environment, called so or nearly so, in which it has nothing.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn free_folder(&self, name: &ImagePath) -> Result<ImagePath, BaseFailure> {
        self.view.free_folder(name).map_err(|error| BaseFailure::of(&self.named, error))
    }

    /// What a distribution that is installed for its Python says of itself: the text of its `METADATA` or `PKG-INFO`, out of its
    /// layers. `layers` have those of an image of a registry.
    ///
    /// # Errors
    ///
    /// When the layers cannot be read.
    pub fn metadata(
        &self,
        python: &PythonBeneath,
        name: &str,
        layers: &LayerCaches,
        platform: Platform,
    ) -> Result<Option<String>, BaseFailure> {
        let image = match &self.layout {
            Some(layout) => stored(layout, platform).map_err(|error| BaseFailure::of(&self.named, error))?,
            None => remote(&self.base, &self.named, layers)?,
        };
        python.metadata(name, &image).map_err(|error| unreadable(&self.named, error))
    }
}

/// What a lock says of an image.
fn base(stored: &StoredImage, view: &BaseView) -> ImageBase {
    let layers = stored.layers.iter().zip(&view.sizes).map(|(layer, size)| ImageBaseLayer {
        media_type: layer.descriptor.media_type,
        digest: layer.descriptor.digest,
        size: layer.descriptor.size,
        diff_id: layer.diff_id,
        uncompressed_size: *size,
    });
    let system = view.facts.system.as_ref();
    ImageBase {
        name: stored.name.clone(),
        index: None,
        manifest: stored.digest,
        has_manifest: stored.has_manifest,
        config: stored.config_descriptor.digest,
        config_size: stored.config_descriptor.size,
        // Some tools write the year 1, as Go has it.
        created: stored.config.created.map(imgbuild_oci::Timestamp::seconds).filter(|created| *created >= 0),
        system: system.map(|it| [Some(it.id.as_str()), it.version.as_deref()]).map(|it| {
            let words: Vec<&str> = it.into_iter().flatten().collect();
            words.join(" ")
        }),
        glibc: view.facts.glibc.clone(),
        content: None,
        layers: layers.collect(),
    }
}
