//! Cutting the files of a large part over several layers, in the order of their paths: engines fetch a layer by one connection and unpack
//! it by one thread.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::PartId;

/// How small a piece may be: an eighth of the most that it may have. What is smaller is not worth a layer, and stays with its neighbour.
const LEAST: u64 = 8;

/// How full pieces are meant to be: but for a sixteenth, which leaves room for fences that are not quite at their even places.
const ROOM: u64 = 16;

/// How far a fence may be from its even place: a thirty-second of the most that a piece may have. Within that, the names of the files
/// decide, so that a file that grows a little moves no fence.
const NEAR: u64 = 32;

/// The sizes of files, by their paths below the root of their part. What stands in the piece of another file counts there.
pub type FileSizes = BTreeMap<ImagePath, u64>;

/// Says beside which other file one stands, as bytecode stands with its source: both are in one piece.
pub type Beside = fn(&ImagePath) -> Option<ImagePath>;

/// How the files of a part are cut into pieces, each of which has a layer of its own. It is decided while locking, where the sizes of
/// the files are known, and kept by the lock: so keys follow from the lock alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "WrittenCut")]
pub struct Cut {
    part: PartId,
    /// The installed size of each piece, in bytes.
    sizes: Vec<u64>,
    /// Where each piece but the first begins: a path below the root of the part.
    fences: Vec<ImagePath>,
}

/// A cut as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenCut {
    part: PartId,
    sizes: Vec<u64>,
    fences: Vec<ImagePath>,
}

/// A cut that cuts nothing, or in no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pieces of `{0}` contradict each other")]
pub struct CutError(PartId);

impl TryFrom<WrittenCut> for Cut {
    type Error = CutError;

    fn try_from(WrittenCut { part, sizes, fences }: WrittenCut) -> Result<Self, CutError> {
        let ascends = fences.windows(2).all(|pair| pair[0] < pair[1]);
        if fences.is_empty() || sizes.len() != fences.len() + 1 || !ascends {
            return Err(CutError(part));
        }
        Ok(Self { part, sizes, fences })
    }
}

impl Cut {
    /// Cuts the files of a part into pieces of at most so many bytes, as far as whole files allow. Nothing where they are one piece.
    pub fn new(part: &PartId, files: &FileSizes, most: u64) -> Option<Self> {
        let paths: Vec<&ImagePath> = files.keys().collect();
        let sum = |sum: &mut u64, size: &u64| {
            *sum = sum.saturating_add(*size);
            Some(*sum)
        };
        let starts: Vec<u64> = std::iter::once(0).chain(files.values().scan(0, sum)).collect();
        let total = *starts.last()?;
        let mut fences = Vec::new();
        let pieces = total.div_ceil((most - most / ROOM).max(1));
        let cutting = Cutting { paths: &paths, starts: &starts, most: most.max(1) };
        cutting.fences(0..paths.len(), pieces, &mut fences);
        let begins = fences.iter().map(|at| starts[*at]);
        let ends = fences.iter().map(|at| starts[*at]).chain([total]);
        let sizes = std::iter::once(0).chain(begins).zip(ends).map(|(begin, end)| end - begin).collect();
        let fences: Vec<ImagePath> = fences.iter().map(|at| paths[*at].clone()).collect();
        (!fences.is_empty()).then(|| Self { part: part.clone(), sizes, fences })
    }

    /// The part whose files are cut.
    pub fn part(&self) -> &PartId {
        &self.part
    }

    /// How many pieces there are: at least two.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The pieces, in the order of their paths.
    pub fn pieces(&self) -> Vec<Piece> {
        let cut = Arc::new(self.clone());
        (0..self.count()).map(|index| Piece { cut: Arc::clone(&cut), index }).collect()
    }

    /// In which piece a path stands, below the root of its part.
    fn index(&self, path: &str) -> usize {
        self.fences.partition_point(|fence| fence.as_str() <= path)
    }
}

/// The files that are cut.
struct Cutting<'a> {
    paths: &'a [&'a ImagePath],
    /// How many bytes there are before each file, and before the end.
    starts: &'a [u64],
    most: u64,
}

impl Cutting<'_> {
    /// Finds where the pieces of these files begin, of which there are to be so many.
    fn fences(&self, files: Range<usize>, pieces: u64, found: &mut Vec<usize>) {
        let (start, end) = (self.starts[files.start], self.starts[files.end]);
        let total = end - start;
        if total <= self.most {
            return;
        }
        let pieces = pieces.max(total.div_ceil(self.most)).max(2);
        let left = pieces / 2;
        let place = start + share(total, left, pieces);
        let least = self.most / LEAST;
        let is_worth = |at: &usize| self.starts[*at] - start >= least && end - self.starts[*at] >= least;
        let distance = |at: &usize| self.starts[*at].abs_diff(place);
        let all = || (files.start + 1..files.end).filter(is_worth);
        let near = all().filter(|at| distance(at) <= self.most / NEAR);
        let near = near.min_by_key(|at| *Digest::of(self.paths[*at].as_str()).as_bytes());
        // A large file may take the place: then the fence is at one of its ends.
        let Some(at) = near.or_else(|| all().min_by_key(distance)) else { return };
        self.fences(files.start..at, left, found);
        found.push(at);
        self.fences(at..files.end, pieces - left, found);
    }
}

/// So many of so many equal shares of a number.
fn share(total: u64, shares: u64, of: u64) -> u64 {
    u64::try_from(u128::from(total) * u128::from(shares) / u128::from(of.max(1))).unwrap_or(total)
}

/// One of the layers of a part that is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    cut: Arc<Cut>,
    index: usize,
}

impl Piece {
    /// Its place among the pieces, from 1.
    pub fn number(&self) -> usize {
        self.index + 1
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.cut.count()
    }

    /// The installed size of its files, in bytes.
    pub fn size(&self) -> u64 {
        self.cut.sizes.get(self.index).copied().unwrap_or(0)
    }

    /// Whether the other one is of the same cut.
    pub fn is_of_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cut, &other.cut)
    }

    /// The path with which it begins; nothing for the first one.
    pub(crate) fn from(&self) -> Option<&ImagePath> {
        self.index.checked_sub(1).and_then(|before| self.cut.fences.get(before))
    }

    /// The path with which the next one begins; nothing for the last one.
    pub(crate) fn until(&self) -> Option<&ImagePath> {
        self.cut.fences.get(self.index)
    }

    /// Its place among the pieces, from 0.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// The place of the piece in which a path stands, below the root of its part.
    pub(crate) fn index_of(&self, path: &str) -> usize {
        self.cut.index(path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = 16_000_000;

    fn part() -> PartId {
        PartId::new("conda", "large")
    }

    fn path(text: &str) -> ImagePath {
        ImagePath::new(text).unwrap()
    }

    fn files(sizes: &[(&str, u64)]) -> FileSizes {
        sizes.iter().map(|(name, size)| (path(name), *size)).collect()
    }

    /// How many bytes each piece has.
    fn sizes(files: &FileSizes, most: u64) -> Vec<u64> {
        Cut::new(&part(), files, most).map_or_else(|| vec![files.values().sum()], |cut| cut.sizes)
    }

    #[test]
    fn what_has_no_more_than_the_most_is_not_cut() {
        assert_eq!(Cut::new(&part(), &FileSizes::new(), MOST), None);
        assert_eq!(Cut::new(&part(), &files(&[("a", MOST)]), MOST), None);
        assert_eq!(Cut::new(&part(), &files(&[("a", MOST / 2), ("b", MOST / 2)]), MOST), None);
        assert_eq!(sizes(&files(&[("a", MOST / 2), ("b", MOST / 2 + 1)]), MOST), [MOST / 2, MOST / 2 + 1]);
    }

    #[test]
    fn a_file_is_not_cut_and_what_is_little_stays_with_it() {
        assert_eq!(Cut::new(&part(), &files(&[("a", 100 * MOST)]), MOST), None);
        let large = files(&[("a/readme", 9000), ("lib/large.so", 3 * MOST), ("lib/small.so", 1_000_000)]);
        assert_eq!(Cut::new(&part(), &large, MOST), None);
        let between = files(&[("a.so", MOST / 2), ("b.so", 5 * MOST), ("c.so", MOST / 2)]);
        assert_eq!(sizes(&between, MOST), [MOST / 2, 5 * MOST, MOST / 2]);
    }

    /// Files of small, usual and large packages.
    fn any_files(largest: u64) -> impl Strategy<Value = FileSizes> {
        let size = prop_oneof![4 => 0..largest / 100, 2 => 0..largest / 10, 1 => 0..=largest];
        proptest::collection::btree_map("[a-d]{1,2}/[a-z_-][a-z_.-]{0,5}", size, 0..400)
            .prop_map(|files| files.into_iter().map(|(name, size)| (path(&name), size)).collect())
    }

    /// The files of each piece, in their order.
    fn pieces(cut: &Cut, files: &FileSizes) -> Vec<FileSizes> {
        let mut pieces = vec![FileSizes::new(); cut.count()];
        for (path, size) in files {
            pieces[cut.index(path.as_str())].insert(path.clone(), *size);
        }
        pieces
    }

    proptest! {
        #[test]
        fn pieces_are_whole_files_in_their_order_and_no_larger_than_they_have_to_be(files in any_files(5 * MOST)) {
            let total: u64 = files.values().sum();
            let Some(cut) = Cut::new(&part(), &files, MOST) else {
                let largest = files.values().max().copied().unwrap_or(0);
                prop_assert!(total <= MOST || total - largest <= MOST / 4);
                return Ok(());
            };
            prop_assert!(total > MOST);
            let found = pieces(&cut, &files);
            let in_order: Vec<&ImagePath> = found.iter().flatten().map(|(path, _)| path).collect();
            prop_assert_eq!(in_order, files.keys().collect::<Vec<_>>());
            let sums: Vec<u64> = found.iter().map(|files| files.values().sum()).collect();
            prop_assert_eq!(&sums, &cut.sizes);
            for (files, size) in found.iter().zip(sums) {
                // What is larger has a file that makes it so, and little beside it.
                let largest = files.values().max().copied().unwrap_or(0);
                prop_assert!(size >= MOST / LEAST);
                prop_assert!(size <= MOST || size - largest <= MOST / 4, "{} of {}", largest, size);
            }
        }

        #[test]
        fn small_files_make_even_pieces_and_no_more_than_needed(files in any_files(MOST / NEAR), most in MOST..3 * MOST) {
            let total: u64 = files.values().sum();
            let sizes = sizes(&files, most);
            if total > most {
                let count = total.div_ceil(most - most / ROOM);
                prop_assert_eq!(sizes.len() as u64, count);
                for size in sizes {
                    prop_assert!(size <= most && size.abs_diff(total / count) <= most / ROOM * 2, "{} of {}", size, total);
                }
            }
        }

        #[test]
        fn a_cut_is_read_back_as_it_is_written(files in any_files(5 * MOST)) {
            let Some(cut) = Cut::new(&part(), &files, MOST) else { return Ok(()) };
            let WrittenCut { part, sizes, fences } = WrittenCut { part: part(), sizes: cut.sizes.clone(), fences: cut.fences.clone() };
            prop_assert_eq!(Cut::try_from(WrittenCut { part, sizes, fences }), Ok(cut));
        }
    }

    /// A package of two thousand files, the same at each run.
    fn package() -> FileSizes {
        let size = |number: u64| number * 7919 % 1013 * (number * 104_729 % 211);
        (0..2000).map(|number| (path(&format!("lib/{:02}/{number}.py", number % 37)), size(number))).collect()
    }

    #[test]
    fn a_file_that_changes_a_little_rarely_moves_a_fence() {
        let files = package();
        let most = files.values().sum::<u64>() / 6;
        let before = Cut::new(&part(), &files, most).unwrap();
        assert_eq!(before.count(), 7);
        let is_the_same = |changed: &ImagePath| {
            let mut files = files.clone();
            files.entry(changed.clone()).and_modify(|size| *size += *size / 10 + 100);
            Cut::new(&part(), &files, most).is_some_and(|after| after.fences == before.fences)
        };
        let same = files.keys().filter(|changed| is_the_same(changed)).count();
        assert!(same * 100 >= files.len() * 97, "{same} of {}", files.len());
        // A file that comes, or goes, moves none either.
        let mut more = files.clone();
        more.insert(path("lib/05/another.py"), 70_000);
        assert_eq!(Cut::new(&part(), &more, most).unwrap().fences, before.fences);
    }

    #[test]
    fn a_cut_that_contradicts_itself_is_refused() {
        let read = |sizes: &[u64], fences: &[&str]| {
            let fences = fences.iter().map(|it| path(it)).collect();
            Cut::try_from(WrittenCut { part: part(), sizes: sizes.to_vec(), fences }).map(|cut| cut.count())
        };
        assert_eq!(read(&[1, 2, 3], &["a", "b"]), Ok(3));
        for (sizes, fences) in
            [(&[1][..], &[][..]), (&[1], &["a"]), (&[1, 2, 3], &["b", "a"]), (&[1, 2, 3], &["a", "a"])]
        {
            let error = read(sizes, fences).unwrap_err();
            assert_eq!(error.to_string(), "the pieces of `conda/large` contradict each other");
        }
    }
}
