//! A year of real updates, as `gather.py` has it from Debian's changelogs and the index of wheels: what each image would have held
//! in each week, had it been rebuilt then.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_debian::BASE_STATE;
use imgbuild_image::ROLES;
use imgbuild_layer::{PartId, Role};
use serde::Deserialize;

use crate::SharingError;

/// What `gather.py` made; its head says how.
const DATA: &str = include_str!("year.json");

/// The bytes of layers ÷ those of the archives that they are made of, with bytecode. These and the sizes below are measured of the
/// images that `cargo xtask bench --sharing` builds; what it depends on most is how much Python there is to compile.
const DEBIAN: f64 = 0.90;
const CUDA_LIBRARIES: f64 = 0.91;
/// Of other wheels, by the installed size that they are below.
const WHEELS: [(u64, f64); 3] = [(8 << 20, 1.71), (512 << 20, 1.12), (u64::MAX, 0.90)];

/// The bytes of the layer with dpkg's status and what else the base's packages have in common.
const STATE: u64 = 250_000;

/// The bytes of the layer with the lock and the environment's own files.
const LOCK: u64 = 60_000;

/// The bytes of the layer with the virtual environment that wheels go into, which is the same in all images.
const ENVIRONMENT: u64 = 497;

/// What the names of projects begin with that hold CUDA's libraries, as in `pypi/src/wheel/package.rs`.
const CUDA: &str = "nvidia-";

/// One version of a package, or what an image has of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    /// What it is called in every version.
    pub(crate) id: PartId,
    /// Which version it is: two pieces of one name and version are the same bytes.
    pub(crate) version: String,
    /// What it is to the image.
    pub(crate) role: Role,
    /// The source that it was built of, with others perhaps.
    pub(crate) origin: String,
    /// Its installed size.
    pub(crate) weight: u64,
    /// Its bytes in a layer.
    pub(crate) size: u64,
}

/// What each image holds in a week.
pub(crate) type Week = Vec<Vec<Piece>>;

/// The file as it is.
#[derive(Deserialize)]
struct Data {
    weeks: usize,
    updates: BTreeMap<String, Vec<usize>>,
    debian: Vec<(String, String, String, u64, u64)>,
    wheels: Vec<(String, String, u64, u64)>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    debian: Vec<usize>,
    wheels: Vec<(Vec<usize>, Vec<usize>)>,
}

/// All weeks, from the first to the last.
///
/// # Errors
///
/// When the data are not what they should be.
pub(crate) fn weeks() -> Result<Vec<Week>, SharingError> {
    let data: Data = serde_json::from_str(DATA)?;
    data.read()
}

impl Data {
    fn read(&self) -> Result<Vec<Week>, SharingError> {
        let mut held = vec![BTreeSet::new(); self.images.len()];
        let mut weeks = Vec::new();
        for number in 0..self.weeks {
            let mut week = Vec::new();
            for (image, held) in self.images.iter().zip(&mut held) {
                let (added, removed) = image.wheels.get(number).ok_or(SharingError::Unknown("week"))?;
                held.extend(added.iter().copied());
                held.retain(|wheel| !removed.contains(wheel));
                week.push(self.pieces(image, held, number)?);
            }
            weeks.push(week);
        }
        Ok(weeks)
    }

    /// Everything that an image holds in a week.
    fn pieces(
        &self,
        image: &Image,
        wheels: &BTreeSet<usize>,
        week: usize,
    ) -> Result<Vec<Piece>, SharingError> {
        let debian = image.debian.iter().map(|package| self.package(*package, week));
        let mut pieces: Vec<Piece> = debian.collect::<Result<_, _>>()?;
        pieces.push(of_all("debian", "state", BASE_STATE, STATE, &pieces));
        pieces.push(of_all("pypi", "virtual environment", Role::INTERPRETER, ENVIRONMENT, &[]));
        for wheel in wheels {
            pieces.push(self.wheel(*wheel)?);
        }
        pieces.push(of_all("imgbuild", "lock", Role::METADATA, LOCK, &pieces));
        Ok(pieces)
    }

    fn package(&self, number: usize, week: usize) -> Result<Piece, SharingError> {
        let (name, source, role, size, installed) =
            self.debian.get(number).ok_or(SharingError::Unknown("Debian package"))?;
        let role = ROLES.into_iter().find(|it| it.name == role).ok_or(SharingError::Unknown("role"))?;
        let until = |days: &Vec<usize>| days.iter().filter(|it| **it <= week).count();
        let version = self.updates.get(source).map_or(0, until).to_string();
        let (id, origin) = (PartId::new("debian", name), format!("debian/{source}"));
        Ok(Piece { id, version, role, origin, weight: *installed, size: packed(*size, DEBIAN) })
    }

    fn wheel(&self, number: usize) -> Result<Piece, SharingError> {
        let (name, version, size, installed) =
            self.wheels.get(number).ok_or(SharingError::Unknown("wheel"))?;
        let of_wheels =
            || WHEELS.iter().find(|(below, _)| installed < below).map_or(1.0, |(_, ratio)| *ratio);
        let (role, ratio) =
            if name.starts_with(CUDA) { (Role::CUDA, CUDA_LIBRARIES) } else { (Role::PACKAGE, of_wheels()) };
        let id = PartId::new("pypi", name);
        let (origin, size) = (id.to_string(), packed(*size, ratio));
        Ok(Piece { id, version: version.clone(), role, origin, weight: *installed, size })
    }
}

/// The bytes that an archive has in a layer.
fn packed(size: u64, ratio: f64) -> u64 {
    (size as f64 * ratio) as u64
}

/// What is made of all of `pieces`, and is another one when one of them is.
fn of_all(ecosystem: &str, name: &str, role: Role, size: u64, pieces: &[Piece]) -> Piece {
    let all: Vec<String> = pieces.iter().map(|it| format!("{} {}", it.id, it.version)).collect();
    let version = imgbuild_oci::Digest::of(all.join("\n")).to_string();
    let id = PartId::new(ecosystem, name);
    Piece { origin: id.to_string(), id, version, role, weight: size, size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Constants, Policy};

    #[test]
    fn a_week_has_what_was_there_by_then() {
        let text = r#"{"weeks": 2, "updates": {"glibc": [1]},
            "debian": [["libc6", "glibc", "base", 1000, 9000]],
            "wheels": [["six", "1.16", 1000, 3000], ["six", "1.17", 2000, 3000], ["nvidia-cudnn-cu13", "9", 3000, 4000]],
            "images": [{"debian": [0], "wheels": [[[0, 2], []], [[1], [0]]]}]}"#;
        let weeks = serde_json::from_str::<Data>(text).unwrap().read().unwrap();
        let shown = |week: &Week| {
            let all = week.iter().flatten().filter(|it| it.version.len() < 10);
            all.map(|it| format!("{} {} {:?} {}", it.id, it.version, it.role, it.size)).collect::<Vec<_>>()
        };
        let cudnn = "pypi/nvidia-cudnn-cu13 9 cuda 2730";
        assert_eq!(shown(&weeks[0]), ["debian/libc6 0 base 900", "pypi/six 1.16 package 1710", cudnn]);
        assert_eq!(shown(&weeks[1]), ["debian/libc6 1 base 900", "pypi/six 1.17 package 3420", cudnn]);
        // What is made of all of them is another one then.
        let made =
            |week: &Week, name: &str| week[0].iter().find(|it| it.id.name() == name).unwrap().version.clone();
        assert_ne!(made(&weeks[0], "state"), made(&weeks[1], "state"));
        assert_ne!(made(&weeks[0], "lock"), made(&weeks[1], "lock"));
        assert_eq!(made(&weeks[0], "virtual environment"), made(&weeks[1], "virtual environment"));
    }

    #[test]
    fn the_last_week_has_the_layers_that_imgbuild_makes_of_it() {
        let weeks = weeks().unwrap();
        let layers: Vec<usize> = weeks
            .last()
            .unwrap()
            .iter()
            .map(|image| Policy::Own(Constants::USUAL).layers(image).unwrap().len())
            .collect();
        // PyTorch with numpy was built on the last day: 31 layers.
        assert_eq!((weeks.len(), layers[6]), (53, 31), "{layers:?}");
    }
}
