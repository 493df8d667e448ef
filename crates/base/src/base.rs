//! What images stand on: nothing, Debian, or an image that is there.

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_lock::LayoutBase;
use imgbuild_oci::Platform;
use imgbuild_runtime::{BaseStart, DEFAULT_USER};
use imgbuild_spec::User;
use imgbuild_store::{LayerRecord, Store};

use crate::failure::BaseFailure;
use crate::image::BaseImage;

/// What an image stands on.
pub enum Base {
    /// Nothing.
    Scratch,
    /// A Debian of imgbuild's own making.
    Debian,
    /// An image that is there.
    Image(Box<BaseImage>),
}

impl Base {
    /// What a variant was locked with.
    ///
    /// # Errors
    ///
    /// When an image cannot be read, or was changed since.
    pub fn open(
        locked: Option<&LayoutBase>,
        base: &imgbuild_spec::Base,
        platform: Platform,
        store: &Store,
    ) -> Result<Self, BaseFailure> {
        match (base, locked) {
            (imgbuild_spec::Base::Debian(_), _) => Ok(Self::Debian),
            (imgbuild_spec::Base::Layout(layout), Some(locked)) => {
                Ok(Self::Image(Box::new(BaseImage::open(locked, layout, platform, store)?)))
            }
            (imgbuild_spec::Base::Layout(_), None) | (imgbuild_spec::Base::Scratch, _) => Ok(Self::Scratch),
        }
    }

    /// The image, where it is one.
    pub fn image(&self) -> Option<&BaseImage> {
        match self {
            Self::Image(image) => Some(image),
            Self::Scratch | Self::Debian => None,
        }
    }

    /// How many layers it has that are not made.
    pub fn layers(&self) -> u32 {
        self.image().map_or(0, BaseImage::layers)
    }

    /// These layers as the store has them.
    pub fn records(&self) -> Vec<LayerRecord> {
        self.image().map(BaseImage::records).unwrap_or_default()
    }

    /// The same, each with what a report calls it.
    pub fn titled_records(&self) -> Vec<(String, LayerRecord)> {
        self.image().map(BaseImage::titled_records).unwrap_or_default()
    }

    /// The digests of these layers, uncompressed.
    pub fn diff_ids(&self) -> Vec<String> {
        self.image().map(|image| image.diff_ids().collect()).unwrap_or_default()
    }

    /// Puts them into the store.
    ///
    /// # Errors
    ///
    /// As for [`BaseImage::keep`].
    pub fn keep(&self, store: &Store) -> Result<(), BaseFailure> {
        self.image().map_or(Ok(()), |image| image.keep(store))
    }

    /// The variables that it sets.
    pub fn environment(&self) -> Option<&[String]> {
        self.image().map(|image| image.config().env.as_slice())
    }

    /// Whether it has a shell.
    pub fn has_shell(&self) -> bool {
        match self {
            Self::Scratch => false,
            Self::Debian => true,
            Self::Image(image) => image.shell().is_some(),
        }
    }

    /// What it has to start programs with. `environment_init` is what reaps and forwards signals in the environment. Our Debian
    /// has `tini`.
    pub fn start(&self, environment_init: Option<String>) -> BaseStart {
        match self {
            Self::Scratch => BaseStart::default(),
            Self::Debian => BaseStart {
                init: Some("/usr/bin/tini".to_owned()),
                shell: Some("/bin/bash".to_owned()),
                ..BaseStart::default()
            },
            Self::Image(image) => image.start(environment_init),
        }
    }

    /// The user of images that stand on it, where the spec names none: as in an image's configuration, empty for root.
    pub fn default_user(&self) -> String {
        match self {
            Self::Scratch => String::new(),
            Self::Debian => format!("{}:{}", DEFAULT_USER.uid, DEFAULT_USER.gid),
            Self::Image(image) => image.config().user.clone(),
        }
    }

    /// Where a file must be written to be found at a path.
    ///
    /// # Errors
    ///
    /// When it would be written over a folder or a link of an image.
    pub fn file_path(&self, path: &ImagePath) -> Result<ImagePath, BaseFailure> {
        self.image().map_or_else(|| Ok(path.clone()), |image| image.file_path(path))
    }

    /// Checks that an environment can stand at a prefix.
    ///
    /// # Errors
    ///
    /// When a link of an image leads there, or it has something there.
    pub fn check_prefix(&self, prefix: &ImagePath) -> Result<(), BaseFailure> {
        self.image().map_or(Ok(()), |image| image.check_prefix(prefix))
    }

    /// Checks that what is written for bash can be run.
    ///
    /// # Errors
    ///
    /// When an image has no bash.
    pub fn needs_bash(&self, what: &str) -> Result<(), BaseFailure> {
        self.image().map_or(Ok(()), |image| image.needs_bash(what))
    }

    /// Whom files of the image's user belong to.
    ///
    /// # Errors
    ///
    /// When an image does not know the user.
    pub fn owner(&self, user: Option<&User>) -> Result<Owner, BaseFailure> {
        match (user, self) {
            (Some(User::Id { uid, gid }), _) => Ok(Owner { uid: *uid, gid: gid.unwrap_or(*uid) }),
            (user, Self::Image(image)) => image.owner(user),
            (_, Self::Scratch | Self::Debian) => Ok(Owner { uid: DEFAULT_USER.uid, gid: DEFAULT_USER.gid }),
        }
    }
}
