//! `imgbuild report`, `imgbuild catalog`, and the page of `imgbuild build --report`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imgbuild_build::{Report, cuda_contracts};
use imgbuild_image::{Comparison, Contents, Inspection, conform_by_look, variant_name};
use imgbuild_locking::CudaContract;
use imgbuild_oci::{Digest, Platform};
use imgbuild_report::{
    BuildPage, BuiltImage, Entry, Previous, Subject, Timed, build_page, catalog_page, image_page, pair_page,
};
use imgbuild_spec::Variant;

use super::opening::{Looked, in_background, open_named};
use super::{host, print};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::inspect_arguments::{CatalogArguments, ReportArguments};
use crate::page_file::PageFile;

/// What a folder's own page is called.
const INDEX: &str = "index.html";

pub(crate) async fn report(arguments: &ReportArguments, global: &Global) -> Result<(), Failure> {
    let page = PageFile::create(&arguments.output)?;
    let platform = platform(arguments.image.platform)?;
    let name = arguments.image.image.clone();
    let looked = open_named(&name, platform, global).await?;
    let Some(other) = arguments.other.clone() else {
        let text = in_background(move || Ok(image_page(&subject(&name, &looked)?))).await?;
        return written(page, &text);
    };
    let second = open_named(&other, platform, global).await?;
    let text = in_background(move || {
        let comparison = Comparison::of(&looked.opened, &second.opened, false, &looked.store)?;
        let (mut one, mut second) = (subject(&name, &looked)?, subject(&other, &second)?);
        if one.name == second.name {
            (one.name, second.name) = (name, other);
        }
        Ok(pair_page(&one, &second, &comparison))
    })
    .await?;
    written(page, &text)
}

pub(crate) async fn catalog(arguments: &CatalogArguments, global: &Global) -> Result<(), Failure> {
    let output = &arguments.output;
    let is_folder = output.is_dir() || output.as_os_str().to_string_lossy().ends_with('/');
    let index = if is_folder { PageFile::within(output, INDEX)? } else { PageFile::create(output)? };
    let platform = platform(arguments.platform)?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut names = BTreeSet::from([INDEX.to_owned()]);
    for name in &arguments.images {
        let (called, looked) = (name.clone(), open_named(name, platform, global).await?);
        let subject = in_background(move || subject(&called, &looked)).await?;
        let mut page = None;
        if is_folder {
            let file = file_name(name, &mut names);
            PageFile::create(&output.join(&file))?.write(&image_page(&subject))?;
            page = Some(file);
        }
        entries.push(Entry { subject, page });
    }
    tell_apart(&mut entries, &arguments.images);
    written(index, &catalog_page(&entries))
}

/// Calls images as they were called on the command line where several have one name.
fn tell_apart(entries: &mut [Entry], called: &[String]) {
    let names: Vec<String> = entries.iter().map(|entry| entry.subject.name.clone()).collect();
    for (entry, called) in entries.iter_mut().zip(called) {
        if names.iter().filter(|name| **name == entry.subject.name).count() > 1 {
            entry.subject.name.clone_from(called);
        }
    }
}

/// What the page of a build is made of.
pub(super) struct MadePage<'a> {
    pub(super) report: &'a Report,
    pub(super) events: &'a [Timed],
    pub(super) seconds: f64,
    /// The file of the spec.
    pub(super) spec: &'a Path,
}

impl MadePage<'_> {
    /// Writes the page of a build, whose images are here, of these variants.
    pub(super) async fn write(
        self,
        variants: &[Variant],
        page: PageFile,
        global: &Global,
    ) -> Result<(), Failure> {
        let Self { report, events, seconds, spec } = self;
        let names = variants.iter().map(variant_name);
        let contracts: BTreeMap<String, Option<CudaContract>> =
            names.zip(cuda_contracts(spec, variants)?).collect();
        let mut images = Vec::new();
        for built in &report.built {
            let looked = open_named(&built.image.digest().to_string(), built.platform, global).await?;
            let (name, previous) = (built.name.clone(), built.previous);
            let found = in_background(move || {
                let previous = previous.map(|digest| compared(&digest, &looked)).unwrap_or(Previous::None);
                Ok((subject(&name, &looked)?, previous))
            });
            let (subject, previous) = found.await?;
            let contract = contracts.get(&built.name).cloned().flatten();
            images.push(BuiltImage { subject, built, previous, contract });
        }
        page.write(&build_page(&BuildPage { report, events, seconds, images }))?;
        Ok(())
    }
}

/// How an image differs from the one before it. That one may be gone in part, which is no failure of the build.
fn compared(before: &Digest, after: &Looked) -> Previous {
    let layers = imgbuild_store::LayerCaches::new(after.store.clone());
    let before = imgbuild_image::open_image(&before.to_string(), after.opened.platform, &layers);
    let comparison = before.and_then(|before| Comparison::of(&before, &after.opened, false, &after.store));
    match comparison {
        Ok(comparison) => Previous::Image(Box::new(comparison)),
        Err(error) => Previous::Unknown(imgbuild_diagnostic::told(&error)),
    }
}

/// What a page shows of an image.
fn subject(called: &str, Looked { opened, store }: &Looked) -> Result<Subject, Failure> {
    let contents = Contents::of(opened, store)?;
    let conformity = conform_by_look(opened, &contents)?;
    // Who reads a page need not know where files are on the machine that made it.
    let path = Path::new(called);
    let file = path.file_name().filter(|_| path.exists()).map(|it| it.to_string_lossy().into_owned());
    let name = file.unwrap_or_else(|| called.to_owned());
    Ok(Subject::new(&name, Inspection::of(opened, store)?, &contents, conformity))
}

/// The file of an image's page: its name, as far as every file system takes it.
fn file_name(image: &str, names: &mut BTreeSet<String>) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || "-_.".contains(it) { it } else { '-' };
    let stem: String = image.chars().map(plain).collect::<String>().trim_matches(['-', '.']).to_owned();
    let numbered = (1_u32..).map(|number| match number {
        1 => format!("{stem}.html"),
        number => format!("{stem}-{number}.html"),
    });
    let mut free = numbered.filter(|name| !names.contains(name));
    let name = free.next().unwrap_or_default();
    names.insert(name.clone());
    name
}

fn platform(asked: Option<Platform>) -> Result<Platform, Failure> {
    match asked {
        Some(platform) => Ok(platform),
        None => host(),
    }
}

/// Writes a page, and prints where it is.
fn written(page: PageFile, text: &str) -> Result<(), Failure> {
    let path: PathBuf = page.write(text)?;
    if path == Path::new("-") { Ok(()) } else { print(&format!("{}\n", path.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_has_a_file_of_its_own() {
        let mut names = BTreeSet::from([INDEX.to_owned()]);
        let files: Vec<String> = ["registry.example/a/b:1", "registry.example/a/b-1", "../index", "x.tar"]
            .map(|image| file_name(image, &mut names))
            .into();
        assert_eq!(
            files,
            ["registry.example-a-b-1.html", "registry.example-a-b-1-2.html", "index-2.html", "x.tar.html"]
        );
    }
}
