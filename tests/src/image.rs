//! Reading what was built.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild_oci::layout::Layout;
use imgbuild_oci::tarball::Tarball;
use imgbuild_oci::{Blobs, Digest, ImageConfig, Manifest, MediaType};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What one run of `imgbuild build` made.
#[derive(Debug)]
pub struct Output {
    /// What `--json` printed.
    pub report: Value,
    /// The tarballs or layouts.
    pub paths: Vec<PathBuf>,
}

/// One image of a tarball or layout.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its configuration.
    pub config: ImageConfig,
}

impl Output {
    /// Reads a report, and validates everything that it names.
    ///
    /// # Panics
    ///
    /// When something is not what it says.
    pub fn read(folder: &Path, report: Value) -> Self {
        let outputs = report["outputs"].as_array().unwrap();
        let paths: Vec<_> =
            outputs.iter().map(|output| folder.join(output["path"].as_str().unwrap())).collect();
        for path in &paths {
            imgbuild_oci::validate(path).unwrap();
        }
        Self { report, paths }
    }

    /// The digests of the images, in the order of the report.
    pub fn digests(&self) -> Vec<String> {
        let images = self.report["images"].as_array().unwrap();
        images.iter().map(|image| image["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// The tarball or layout, where there is one.
    ///
    /// # Panics
    ///
    /// When there are several.
    pub fn path(&self) -> &Path {
        let [path] = self.paths.as_slice() else { panic!("not one output: {:?}", self.paths) };
        path
    }

    /// The image, where there is one.
    ///
    /// # Panics
    ///
    /// When there are several.
    pub fn image(&self) -> Image {
        let mut images = Image::all(self.path());
        assert_eq!(images.len(), 1, "not one image in {}", self.path().display());
        images.remove(0)
    }
}

impl Image {
    /// The images of a tarball or layout.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn all(path: &Path) -> Vec<Self> {
        let validated = imgbuild_oci::validate(path).unwrap();
        let blobs = blobs(path);
        let image = |(digest, _): (Digest, _)| {
            let manifest: Manifest = document(&*blobs, &digest);
            let config = document(&*blobs, &manifest.config.digest);
            Self { path: path.to_owned(), digest, manifest, config }
        };
        validated.images.into_iter().map(image).collect()
    }

    /// The uncompressed tar of a layer.
    ///
    /// # Panics
    ///
    /// When there is no such layer.
    pub fn layer(&self, index: usize) -> Box<dyn Read + Send> {
        let layer = &self.manifest.layers[index];
        let blob = blobs(&self.path).open(&layer.digest).unwrap();
        match layer.media_type {
            MediaType::LayerZstd => Box::new(zstd::Decoder::new(blob).unwrap()),
            MediaType::LayerGzip | MediaType::DockerLayerGzip => {
                Box::new(flate2::read::MultiGzDecoder::new(blob))
            }
            _ => blob,
        }
    }

    /// Unpacks all layers into a folder by GNU tar, as root with owners.
    ///
    /// # Panics
    ///
    /// When it cannot.
    pub fn unpack(&self, folder: &Path) {
        fs_err::create_dir_all(folder).unwrap();
        for index in 0..self.manifest.layers.len() {
            let mut tar = Command::new("tar");
            tar.args(["--extract", "--preserve-permissions", "--numeric-owner", "--same-owner"])
                .arg("--directory")
                .arg(folder)
                .stdin(Stdio::piped());
            let mut child = tar.spawn().unwrap();
            let copied = std::io::copy(&mut self.layer(index), &mut child.stdin.take().unwrap());
            let status = child.wait().unwrap();
            assert!(status.success(), "tar cannot read layer {index} of {}", self.path.display());
            copied.unwrap();
        }
    }

    /// The content of one file; of the last layer that has it.
    ///
    /// # Panics
    ///
    /// When no layer has it.
    pub fn file(&self, path: &str) -> Vec<u8> {
        for index in (0..self.manifest.layers.len()).rev() {
            let mut archive = tar::Archive::new(self.layer(index));
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                if entry.path_bytes().as_ref() == path.trim_start_matches('/').as_bytes() {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    return bytes;
                }
            }
        }
        panic!("`{path}` is in no layer of {}", self.path.display());
    }

    /// The value of one of its environment variables.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let variables = self.config.config.env.iter();
        variables.filter_map(|variable| variable.split_once('=')).find(|(key, _)| *key == name).map(|it| it.1)
    }
}

fn blobs(path: &Path) -> Box<dyn Blobs> {
    if path.is_dir() { Box::new(Layout::open(path).unwrap()) } else { Box::new(Tarball::open(path).unwrap()) }
}

fn document<T: DeserializeOwned>(blobs: &dyn Blobs, digest: &Digest) -> T {
    let mut bytes = Vec::new();
    blobs.open(digest).unwrap().read_to_end(&mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
