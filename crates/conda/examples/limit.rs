//! What a build of conda packages or wheels cannot be faster than: hash and decompress the archives, hash and compress (zstd-3)
//! what comes out, hash the blobs; on every core, the largest archive first, and nothing else.
//!
//! `limit NAME=PATH…` prints the seconds. `cargo xtask bench` runs it beside the program.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use imgbuild_archive::{ZipArchive, ZipLimits};
use imgbuild_conda::{Archive, ArchiveFormat};
use imgbuild_oci::HashWriter;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn one(name: &str, path: &Path) -> Result<(), Failure> {
    let mut archive = HashWriter::new(io::sink());
    io::copy(&mut std::fs::File::open(path)?, &mut archive)?;
    let blob = HashWriter::new(io::sink());
    let mut tar = HashWriter::new(zstd::Encoder::new(blob, 3)?);
    let mut buffer = vec![0; 256 << 10];
    if name.ends_with(".whl") {
        let most = ZipLimits { members: 1 << 24, content: u64::MAX };
        let wheel = ZipArchive::open(path, most)?;
        for number in 0..wheel.members().len() {
            copy(&mut wheel.body(number).ok_or("a member is gone")?, &mut tar, &mut buffer)?;
        }
    } else {
        let mut reader = Archive::new(path, ArchiveFormat::of(name)?).content(u64::MAX)?;
        while reader.next_entry()?.is_some() {
            copy(&mut reader.body(), &mut tar, &mut buffer)?;
        }
    }
    let (encoder, _, _) = tar.finish();
    encoder.finish()?;
    Ok(())
}

fn copy(body: &mut dyn Read, out: &mut dyn Write, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        match body.read(buffer)? {
            0 => return Ok(()),
            read => out.write_all(&buffer[..read])?,
        }
    }
}

fn main() -> Result<(), Failure> {
    let mut archives: Vec<(String, PathBuf)> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.split_once('=').map(|(name, path)| (name.to_owned(), path.into())))
        .collect();
    archives.sort_by_key(|(_, path)| std::fs::metadata(path).map_or(0, |found| found.len()));
    let start = Instant::now();
    let queue = Mutex::new(archives);
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
    let work = || -> Result<(), Failure> {
        while let Some((name, path)) = next() {
            one(&name, &path)?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread died")?)
    })?;
    println!("{:.3}", start.elapsed().as_secs_f64());
    Ok(())
}
