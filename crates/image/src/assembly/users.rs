//! The image's user: whom it runs as, its home, and the files that know it.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_base::Base;
use imgbuild_layer::{Content, Files, Ownership, PartId, Role};
use imgbuild_runtime::{User, UserSite};
use imgbuild_spec::Variant;

use super::Assembly;
use crate::error::MakeError;

/// The user that a spec asks for.
pub(super) fn user(variant: &Variant) -> User {
    let account = &variant.account;
    User {
        name: account.name.as_str().to_owned(),
        uid: account.uid,
        gid: account.gid,
        home: account.home.as_str().to_owned(),
        shell: account.shell.as_str().to_owned(),
        groups: account.groups.iter().map(|group| group.as_str().to_owned()).collect(),
    }
}

/// Where Python finds what the user has installed for itself; nothing where the image has not this user.
pub(super) fn site(variant: &Variant, base: &Base) -> Option<UserSite> {
    let account = &variant.account;
    let has_user = match base {
        Base::Scratch => false,
        Base::Debian => true,
        Base::Image(_) => account.origin.is_some(),
    };
    let folder = || format!("{}/.local/share/imgbuild/{}", account.home.as_str(), variant.name);
    let site = || if account.site_packages { UserSite::Folder(folder()) } else { UserSite::Nowhere };
    has_user.then(site)
}

impl Assembly {
    /// Checks that the base knows whom the image runs as, and adds the user to an existing image where it is asked for. Debian gets
    /// it with its own users.
    pub(super) fn add_user(
        &mut self,
        locked: &imgbuild_lock::Variant,
        variant: &Variant,
    ) -> Result<(), MakeError> {
        // What dpkg configures may bring users that nobody knows before.
        let configures = locked.debian.as_ref().is_some_and(|debian| !debian.configured.is_empty());
        let user = user(variant);
        if !configures {
            self.base.user_number(variant)?;
            if matches!(self.base, Base::Debian) {
                self.base.with_user(&user, variant, locked.timestamp)?;
            }
        }
        let is_asked = variant.account.origin.is_some();
        let adds_files = match &self.base {
            Base::Scratch => return Ok(()),
            Base::Debian => false,
            Base::Image(_) if !is_asked => return Ok(()),
            Base::Image(_) => true,
        };
        let ownership = Ownership::of_user(user.uid);
        let home = ImagePath::from_absolute(&user.home)?;
        if adds_files {
            self.add_files(&user, variant, locked.timestamp)?;
            let contents = BTreeMap::from([(self.base.file_path(&home)?, Content::Folder)]);
            let (id, title) = (PartId::new("imgbuild", "home"), "the user's home".to_owned());
            let files = Files::new(id, title, Role::METADATA, None, contents, Owner::ROOT, locked.timestamp);
            self.add(ownership.source(Box::new(files)), Vec::new());
        }
        self.parents.insert(home, ownership.folder_mode(), ownership.owner());
        Ok(())
    }

    fn add_files(&mut self, user: &User, variant: &Variant, timestamp: i64) -> Result<(), MakeError> {
        let accounts = self.base.with_user(user, variant, timestamp)?;
        // Who is in the group may see whether a password is right. Where there is no such group, root alone may.
        let shadow = accounts.group("shadow");
        let shadow =
            (Owner { uid: 0, gid: shadow.unwrap_or(0) }, if shadow.is_some() { 0o640 } else { 0o600 });
        let public = (Owner::ROOT, 0o644);
        let all = [
            ("users", public, [("etc/passwd", &accounts.passwd), ("etc/group", &accounts.group)]),
            ("passwords", shadow, [("etc/shadow", &accounts.shadow), ("etc/gshadow", &accounts.gshadow)]),
        ];
        for (name, (owner, mode), texts) in all {
            let mut contents = BTreeMap::new();
            for (path, text) in texts {
                let Some(text) = text else { continue };
                let content = Content::File { bytes: text.clone().into_bytes(), mode };
                contents.insert(self.base.file_path(&ImagePath::new(path)?)?, content);
            }
            if !contents.is_empty() {
                let (id, title) =
                    (PartId::new("imgbuild", name), format!("the base's {name}, with `{}`", user.name));
                let files = Files::new(id, title, Role::METADATA, None, contents, owner, timestamp);
                self.add(Box::new(files), Vec::new());
            }
        }
        Ok(())
    }
}
