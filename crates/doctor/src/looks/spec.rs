//! The spec that a machine is to build, and what it needs of it.

use std::path::Path;

use imgbuild_oci::Platform;
use imgbuild_spec::{Base, Compilation, Spec, Variant};

use crate::finding::{Area, Finding, Verdict};
use crate::looks::sandbox::Needs;

/// A spec that was read, with every environment of every image as if it were the only one.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) variants: Vec<Variant>,
    pub(crate) needs: Needs,
}

/// Reads a spec; nothing where it is wrong.
pub(crate) fn look(path: &Path) -> (Option<Asked>, Finding) {
    let what = format!("`{}`", path.display());
    let Some(host) = Platform::host() else {
        let found = "this machine's platform is none that images are built on";
        return (None, Finding::new(Area::Settings, &what, Verdict::Unknown, found));
    };
    match Spec::load_variants(path, host) {
        Ok((_, variants)) => {
            let images =
                if variants.len() == 1 { "1 image".to_owned() } else { format!("{} images", variants.len()) };
            let told =
                Finding::new(Area::Settings, &what, Verdict::Fine, format!("it can be read: {images}"));
            let needs = needs(&variants, host);
            let variants = variants.iter().flat_map(Variant::in_each_environment).collect();
            (Some(Asked { variants, needs }), told.needed())
        }
        Err(wrong) => {
            let told = Finding::of(Area::Settings, &what, &wrong.error).needed();
            let remedy = match path.is_file() {
                true => format!("`imgbuild check {}` shows the lines", path.display()),
                false => {
                    "name a spec that is there and can be read, or none: `imgbuild init` writes a first one"
                        .to_owned()
                }
            };
            (None, told.remedy(remedy))
        }
    }
}

/// What has to run for these images, as far as nothing was locked: checks, and bytecode that is made nowhere else.
fn needs(variants: &[Variant], host: Platform) -> Needs {
    let runs = |variant: &&Variant| !variant.checks.is_empty() || !variant.conform.is_empty();
    let mut platforms: Vec<Platform> = Vec::new();
    for variant in variants.iter().filter(runs).filter(|variant| variant.platform != host) {
        if !platforms.contains(&variant.platform) {
            platforms.push(variant.platform);
        }
    }
    let compiles = |variant: &Variant| variant.layers.bytecode == Compilation::Sandboxed;
    Needs { sandbox: variants.iter().any(|it| runs(&it) || compiles(it)), platforms }
}

impl Asked {
    /// Whether an image of a registry is to be read.
    pub(crate) fn needs_registry(&self) -> bool {
        self.variants.iter().any(|variant| matches!(variant.base, Base::Image(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Asked>, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.toml");
        std::fs::write(&path, text).unwrap();
        let (asked, finding) = look(&path);
        (asked, crate::looks::shown(&[finding]).replace(&folder.path().display().to_string(), "HERE"))
    }

    #[test]
    fn what_it_needs() {
        let (asked, found) = read(
            "name = \"x\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n[[check]]\nrun = [\"true\"]\n",
        );
        insta::assert_snapshot!(found, @"fine! `HERE/spec.toml`: it can be read: 2 images");
        let asked = asked.unwrap();
        let foreign = Platform::ALL.into_iter().filter(|it| Some(*it) != Platform::host()).collect();
        assert_eq!(asked.needs, Needs { sandbox: true, platforms: foreign });
        assert!(!asked.needs_registry());
        let (asked, _) = read("name = \"x\"\nbase = { image = \"r.example/team/base:1\" }\n");
        let asked = asked.unwrap();
        assert_eq!(asked.needs, Needs::default());
        assert!(asked.needs_registry());
    }

    #[test]
    fn one_that_is_wrong_or_not_there() {
        insta::assert_snapshot!(read("name = 3\n").1, @"
        wrong! `HERE/spec.toml`: `name` must be a string, but is an integer
          -> `imgbuild check HERE/spec.toml` shows the lines
        ");
        let (_, absent) = look(Path::new("absent.toml"));
        insta::assert_snapshot!(crate::looks::shown(&[absent]), @"
        wrong! `absent.toml`: cannot read `absent.toml`: there is no such file
          -> name a spec that is there and can be read, or none: `imgbuild init` writes a first one
        ");
    }
}
