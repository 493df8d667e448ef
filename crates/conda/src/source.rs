//! A conda package as a source of entries.

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Claim, EntrySink, Exclusions, Kind, Part, Source, SourceError};

use crate::conda_archive::ArchiveError;
use crate::licences::Licences;
use crate::package::Package;
use crate::package_error::PackageError;
use crate::writing::Writer;

impl Package {
    fn read_claims(&self) -> Result<Vec<Claim>, PackageError> {
        let info = self.checked_info()?;
        let mut claims = self.layout(&info)?.claims(&info)?;
        for claim in &mut claims {
            claim.path = self.environment.prefix.join_path(&claim.path)?;
        }
        claims.push(Claim { path: self.meta_path()?, kind: Kind::File });
        Ok(claims)
    }

    /// The files that name the prefix. All others have the times of when the package was built, and the bytecode of then.
    fn read_rewritten(&self) -> Result<Vec<ImagePath>, PackageError> {
        let info = self.checked_info()?;
        let layout = self.layout(&info)?;
        let rewritten = info.paths.iter().filter(|(_, entry)| entry.prefix_placeholder.is_some());
        rewritten.map(|(path, _)| Ok(self.environment.prefix.join_path(&layout.target(path)?)?)).collect()
    }

    fn write_all(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), PackageError> {
        let mut licences = Licences::new(self.environment.has_licences);
        let (info, beginning) = self.begun(&mut licences)?;
        let layout = self.layout(&info)?;
        let mut tar = self.content_of(beginning, &info, sink.options().threads)?;
        let mut writer = Writer::new(self, &info, layout, exclusions, sink)?;
        writer.licences = licences;
        while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
            writer.entry(&head, &mut tar.body())?;
        }
        writer.finish()
    }
}

impl Source for Package {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.read_claims().map_err(SourceError::archive)
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.write_all(exclusions, sink).map_err(|error| match error {
            PackageError::Sink(error) => SourceError::Sink(error),
            error => SourceError::archive(error),
        })
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        self.read_rewritten().map(Some).map_err(SourceError::archive)
    }
}
