//! A package's files on their way from its archive into a layer.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, Exclusions, SinkError, SourceError};

use crate::package::deb::{ArchiveError, Deb, Member};
use crate::package::path_filter::PathFilter;

/// What can go wrong while a package is written: its own error, or the sink's.
#[derive(Debug)]
pub(crate) enum Stop {
    Archive(ArchiveError),
    Sink(SinkError),
}

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<SinkError> for Stop {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<Stop> for SourceError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Archive(error) => Self::archive(error),
            Stop::Sink(error) => Self::Sink(error),
        }
    }
}

/// The files of one package while they are written.
pub(crate) struct PackageWriter<'a> {
    deb: &'a Deb,
    installed_size: u64,
    exclusions: &'a Exclusions,
    filter: &'a PathFilter,
    names: Names,
    /// The names of files whose own names are left out, once one is needed.
    heirs: Option<BTreeMap<ImagePath, ImagePath>>,
    listed: BTreeSet<String>,
    written: PackageTotals,
}

/// What is known of a package when all of its files are written.
#[derive(Debug, Default)]
pub(crate) struct PackageTotals {
    /// dpkg's list of its paths.
    pub(crate) list: String,
    /// The time of the newest member, in seconds since 1970.
    pub(crate) newest: i64,
    /// The bytes of all members.
    pub(crate) installed: u64,
}

impl<'a> PackageWriter<'a> {
    /// `installed_size` is the index's field, in KiB; what `exclusions` names or `filter` leaves out is not written.
    pub(crate) fn new(
        deb: &'a Deb,
        installed_size: u64,
        exclusions: &'a Exclusions,
        filter: &'a PathFilter,
    ) -> Self {
        Self {
            deb,
            installed_size,
            exclusions,
            filter,
            names: Names::default(),
            heirs: None,
            listed: BTreeSet::new(),
            written: PackageTotals::default(),
        }
    }

    /// Writes a member.
    pub(crate) fn put(
        &mut self,
        member: &Member,
        body: &mut dyn Read,
        sink: &mut dyn EntrySink,
    ) -> Result<(), Stop> {
        let Some(head) = &member.head else {
            self.list(&member.listed);
            return Ok(());
        };
        self.written.newest = self.written.newest.max(head.mtime);
        self.written.installed += head.size();
        if self.leaves_out(member, head) {
            self.names.leave_out(head);
            return Ok(());
        }
        self.list(&member.listed);
        let EntryKind::Hardlink { target } = &head.kind else { return Ok(sink.put(head, body)?) };
        let target = match self.names.link(target) {
            Link::To(target) => target,
            Link::Orphan(file) => match self.heir(&file, sink)? {
                Some(heir) if heir == head.path => return Ok(()),
                heir => heir.unwrap_or(file),
            },
        };
        Ok(sink.put(&EntryHead { kind: EntryKind::Hardlink { target }, ..head.clone() }, body)?)
    }

    pub(crate) fn finish(self) -> PackageTotals {
        self.written
    }

    fn leaves_out(&self, member: &Member, head: &EntryHead) -> bool {
        self.exclusions.contains(&head.path) || self.filter.leaves_out(&member.listed, head)
    }

    /// Adds to dpkg's list. What is not there is not in it: `dpkg --verify` would miss it.
    fn list(&mut self, path: &str) {
        if self.listed.insert(path.to_owned()) {
            self.written.list.push_str(path);
            self.written.list.push('\n');
        }
    }

    /// The name that a file gets whose own name is left out: the first link to it that stays.
    ///
    /// Its bytes have passed when the link comes. There is hardly a package with such a link, and so the archive is
    /// unpacked again where there is one, and not kept in memory where there is none: once to see which files need a name,
    /// and once for the bytes of all of them.
    fn heir(&mut self, file: &ImagePath, sink: &mut dyn EntrySink) -> Result<Option<ImagePath>, Stop> {
        if self.heirs.is_none() {
            let heirs = self.find_heirs()?;
            self.write_heirs(&heirs, sink)?;
            self.heirs = Some(heirs);
        }
        Ok(self.heirs.as_ref().and_then(|heirs| heirs.get(file)).cloned())
    }

    fn find_heirs(&self) -> Result<BTreeMap<ImagePath, ImagePath>, Stop> {
        let (mut names, mut heirs) = (Names::default(), BTreeMap::new());
        self.deb.data(self.installed_size, &mut |member, _: &mut dyn Read| -> Result<(), Stop> {
            let Some(head) = &member.head else { return Ok(()) };
            if self.leaves_out(&member, head) {
                names.leave_out(head);
            } else if let EntryKind::Hardlink { target } = &head.kind
                && let Link::Orphan(file) = names.link(target)
            {
                heirs.entry(file).or_insert_with(|| head.path.clone());
            }
            Ok(())
        })?;
        Ok(heirs)
    }

    fn write_heirs(
        &self,
        heirs: &BTreeMap<ImagePath, ImagePath>,
        sink: &mut dyn EntrySink,
    ) -> Result<(), Stop> {
        self.deb.data(self.installed_size, &mut |member, body: &mut dyn Read| -> Result<(), Stop> {
            let Some(head) = &member.head else { return Ok(()) };
            match heirs.get(&head.path) {
                Some(heir) if matches!(head.kind, EntryKind::File { .. }) => {
                    Ok(sink.put(&EntryHead { path: heir.clone(), ..head.clone() }, body)?)
                }
                _ => Ok(()),
            }
        })
    }
}

/// The names of an archive's files, as far as some of them are left out.
#[derive(Debug, Default)]
struct Names {
    /// Every name that is left out, and the name at which the archive has its bytes.
    left_out: BTreeMap<ImagePath, ImagePath>,
}

/// What a hard link is that stays.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    /// A link to this name, which is there.
    To(ImagePath),
    /// A name of this file, whose own name is left out.
    Orphan(ImagePath),
}

impl Names {
    fn leave_out(&mut self, head: &EntryHead) {
        let file = match &head.kind {
            EntryKind::File { .. } => &head.path,
            EntryKind::Hardlink { target } => self.left_out.get(target).unwrap_or(target),
            _ => return,
        };
        self.left_out.insert(head.path.clone(), file.clone());
    }

    /// What becomes of a link to `target`, after all that stands before it.
    fn link(&self, target: &ImagePath) -> Link {
        match self.left_out.get(target) {
            None => Link::To(target.clone()),
            Some(file) if self.left_out.contains_key(file) => Link::Orphan(file.clone()),
            Some(file) => Link::To(file.clone()),
        }
    }
}
