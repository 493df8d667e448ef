//! What images stand on: nothing, Debian, or an image that is there.

use imgbuild_archive::ImagePath;
use imgbuild_document::Origin;
use imgbuild_lock::ImageBase;
use imgbuild_oci::{Platform, Reference};
use imgbuild_runtime::{AccountFiles, BaseStart, User};
use imgbuild_spec::Variant;
use imgbuild_store::{LayerCaches, LayerRecord, Store};

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
    /// What a variant was locked with. `layers` have what an image of a registry is read from, where the lock says too little of
    /// it.
    ///
    /// # Errors
    ///
    /// When an image cannot be read, or was changed since.
    pub fn open(
        locked: Option<&ImageBase>,
        base: &imgbuild_spec::Base,
        platform: Platform,
        layers: &LayerCaches,
    ) -> Result<Self, BaseFailure> {
        match (base, locked) {
            (imgbuild_spec::Base::Debian(_), _) => Ok(Self::Debian),
            (imgbuild_spec::Base::Layout(layout), Some(locked)) => {
                Ok(Self::Image(Box::new(BaseImage::open(locked, layout, platform, layers.store())?)))
            }
            (imgbuild_spec::Base::Image(image), Some(locked)) => {
                Ok(Self::Image(Box::new(BaseImage::of_registry(locked, image, platform, layers)?)))
            }
            (imgbuild_spec::Base::Layout(_) | imgbuild_spec::Base::Image(_), None)
            | (imgbuild_spec::Base::Scratch, _) => Ok(Self::Scratch),
        }
    }

    /// The image, where it is one.
    pub fn image(&self) -> Option<&BaseImage> {
        match self {
            Self::Image(image) => Some(image),
            Self::Scratch | Self::Debian => None,
        }
    }

    /// What an image of a registry is called that it stands on: whoever pushes to that registry need not send its layers.
    pub fn repository(&self) -> Option<&Reference> {
        self.image().and_then(BaseImage::reference)
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

    /// Puts them into the store: those of a file or folder, which may be gone when they are needed. Those of a registry come when
    /// they are read.
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

    /// Whether a file may be there: of a base of ours it is not known before its packages are read.
    pub fn may_have_file(&self, path: &str) -> bool {
        match self {
            Self::Scratch => false,
            Self::Debian => true,
            Self::Image(image) => image.has_file(path),
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

    /// The user that a variant runs as, as an image's configuration names it: empty for root.
    ///
    /// Ours is named by its number alone. A group beside it would take all its other groups away, in docker and in containerd; by
    /// a name, Kubernetes could not tell that it is not root.
    pub fn configured_user(&self, variant: &Variant) -> String {
        match (&variant.image.user, self) {
            (Some(user), _) => user.to_string(),
            (None, Self::Scratch) => String::new(),
            (None, Self::Image(image)) if variant.account.origin.is_none() => image.config().user.clone(),
            (None, Self::Debian | Self::Image(_)) => variant.account.uid.to_string(),
        }
    }

    /// The home of the user that a variant has.
    pub fn home(&self, variant: &Variant) -> String {
        let own = variant.account.home.as_str().to_owned();
        match self {
            Self::Image(image) if variant.account.origin.is_none() => {
                image.login().map_or_else(|| "/root".to_owned(), |(_, home)| home)
            }
            Self::Scratch | Self::Debian | Self::Image(_) => own,
        }
    }

    /// The number of the user that a variant runs as.
    ///
    /// # Errors
    ///
    /// When the base does not know the user.
    pub fn user_number(&self, variant: &Variant) -> Result<u32, BaseFailure> {
        let named = variant.image.user.as_ref();
        match (named, self) {
            (Some(imgbuild_spec::User::Id { uid, .. }), _) => Ok(*uid),
            (Some(imgbuild_spec::User::Name { user, .. }), _) if user == variant.account.name.as_str() => {
                Ok(variant.account.uid)
            }
            (_, Self::Image(image)) => image.user_number(&self.configured_user(variant)),
            (Some(imgbuild_spec::User::Name { user, .. }), Self::Debian) => {
                let known = imgbuild_debian::base_accounts().user(user);
                known.map(|(uid, _)| uid).ok_or_else(|| BaseFailure::User { user: user.clone() })
            }
            (_, Self::Scratch | Self::Debian) => Ok(variant.account.uid),
        }
    }

    /// The files that know its users, with one more.
    ///
    /// # Errors
    ///
    /// When another user has its name or its number, or a group is not there.
    pub fn with_user(
        &self,
        user: &User,
        variant: &Variant,
        timestamp: i64,
    ) -> Result<AccountFiles, BaseFailure> {
        let mut files = match self {
            Self::Scratch => AccountFiles::default(),
            Self::Debian => imgbuild_debian::base_accounts(),
            Self::Image(image) => image.accounts(),
        };
        files.add(user, timestamp).map_err(|error| {
            let asked = variant.account.origin.iter();
            let asked = asked.map(|it| it.snippet("it was asked for here", "this user")).collect();
            BaseFailure::UserTaken { user: user.name.clone(), error, asked }
        })?;
        Ok(files)
    }

    /// Where a file must be written to be found at a path.
    ///
    /// # Errors
    ///
    /// When it would be written over a folder or a link of an image.
    pub fn file_path(&self, path: &ImagePath) -> Result<ImagePath, BaseFailure> {
        self.image().map_or_else(|| Ok(path.clone()), |image| image.file_path(path))
    }

    /// Where a folder must be made to be found at a path; nothing where an image has it.
    ///
    /// # Errors
    ///
    /// When an image has something else there.
    pub fn new_folder(&self, path: &ImagePath) -> Result<Option<ImagePath>, BaseFailure> {
        self.image().map_or_else(|| Ok(Some(path.clone())), |image| image.new_folder(path))
    }

    /// Checks that an environment can stand at a prefix.
    ///
    /// # Errors
    ///
    /// When a link of an image leads there, or it has something there.
    pub fn check_prefix(&self, prefix: &ImagePath) -> Result<(), BaseFailure> {
        self.image().map_or(Ok(()), |image| image.check_prefix(prefix))
    }

    /// Checks that an existing image has a program, which something needs that was asked for somewhere. Debian gets what it needs.
    ///
    /// # Errors
    ///
    /// When an image lacks it.
    pub fn needs_program(&self, path: &str, what: &str, asked: &Origin) -> Result<(), BaseFailure> {
        match self.image() {
            Some(image) if !image.has_program(path) => Err(BaseFailure::NoProgram {
                base: image.name().to_owned(),
                program: path.to_owned(),
                what: what.to_owned(),
                asked: vec![asked.snippet("it was asked for here", "this")],
            }),
            _ => Ok(()),
        }
    }

    /// The error that it has no shell, which something needs that was asked for somewhere.
    pub fn without_shell(&self, what: &str, asked: &Origin) -> BaseFailure {
        BaseFailure::NoProgram {
            base: self.image().map(BaseImage::name).unwrap_or("scratch").to_owned(),
            program: "/bin/sh".to_owned(),
            what: what.to_owned(),
            asked: vec![asked.snippet("it was asked for here", "this")],
        }
    }

    /// Checks that what is written for bash can be run.
    ///
    /// # Errors
    ///
    /// When an image has no bash.
    pub fn needs_bash(&self, what: &str) -> Result<(), BaseFailure> {
        self.image().map_or(Ok(()), |image| image.needs_bash(what))
    }
}
