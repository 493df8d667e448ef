//! `cargo xtask docs`: the pages of the reference that are made from the source.

use std::io;
use std::path::{Path, PathBuf};

use crate::{limits, scale};

/// Why the pages are not there, or not what they should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocsError {
    /// A page cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A page is not what the source makes of it.
    #[error("`{}` is not what the source says\nhint: run `cargo xtask docs`", .0.display())]
    Stale(PathBuf),
    /// A page has no place for what is made from the source.
    #[error("`{}` has no marks around its {}", .0.display(), .1)]
    Marks(PathBuf, &'static str),
}

/// A page that is written by hand, with what stands in it between marks.
fn page(workspace: &Path, path: &str, parts: &[(&'static str, String)]) -> Result<String, DocsError> {
    let mut page = fs_err::read_to_string(workspace.join(path))?;
    for (name, text) in parts {
        let (begin, end) =
            (format!("<!-- {name}, by `cargo xtask docs` -->\n\n"), format!("\n<!-- end of {name} -->\n"));
        let around = page.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
        let (head, tail) = around.ok_or_else(|| DocsError::Marks(path.into(), name))?;
        page = format!("{head}{begin}{text}{end}{tail}");
    }
    Ok(page)
}

/// Every page that is made from the source, wholly or in part: its path in the workspace, and its text.
fn pages(workspace: &Path) -> Result<[(&'static str, String); 5], DocsError> {
    let schema = serde_json::to_string_pretty(&imgbuild_spec::schema()).map_err(io::Error::from)?;
    let (security, many) = ("docs/security.md", "docs/scale.md");
    let of_many = [("schedulers", scale::schedulers()), ("simulation", scale::simulation(workspace)?)];
    Ok([
        ("docs/reference/spec.md", imgbuild_spec::reference()),
        ("docs/reference/spec.schema.json", schema + "\n"),
        ("docs/platforms.md", imgbuild_conform::page()),
        (security, page(workspace, security, &[("limits", limits::table(workspace)?)])?),
        (many, page(workspace, many, &of_many)?),
    ])
}

/// Writes the pages.
pub(crate) fn write(workspace: &Path) -> Result<(), DocsError> {
    for (path, text) in pages(workspace)? {
        fs_err::write(workspace.join(path), text)?;
        eprintln!("docs: {path}");
    }
    Ok(())
}

/// Compares the pages with what they should be.
pub(crate) fn check(workspace: &Path) -> Result<(), DocsError> {
    for (path, text) in pages(workspace)? {
        if fs_err::read_to_string(workspace.join(path))? != text {
            return Err(DocsError::Stale(path.into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use imgbuild_oci::Platform;
    use imgbuild_spec::Spec;

    use crate::workspace;

    #[test]
    fn the_reference_is_what_the_source_says() {
        super::check(&workspace()).unwrap();
    }

    /// The pages, and the README.
    fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pages(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
        found.sort();
    }

    /// The fenced blocks of a language in a page.
    fn blocks(page: &str, language: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open: Option<String> = None;
        for line in page.lines() {
            match (&mut open, line) {
                (None, line) if line.strip_prefix("```") == Some(language) => open = Some(String::new()),
                (Some(_), "```") => found.extend(open.take()),
                (Some(block), line) => *block += &format!("{line}\n"),
                (None, _) => {}
            }
        }
        found
    }

    /// A lock with the environments that the documentation speaks of.
    const PIXI_LOCK: &str = "version: 6
environments:
  default:
    channels: [{ url: 'https://conda.example/main/' }]
    packages: { linux-64: [{ conda: 'https://conda.example/main/linux-64/zlib-1.3-0.conda' }] }
  gpu:
    channels: [{ url: 'https://conda.example/main/' }]
    packages: { linux-64: [{ conda: 'https://conda.example/main/linux-64/zlib-1.3-0.conda' }] }
packages:
- conda: https://conda.example/main/linux-64/zlib-1.3-0.conda
  sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
";

    #[test]
    fn every_spec_in_the_documentation_is_one() {
        let root = workspace();
        let mut documents = vec![root.join("README.md")];
        pages(&root.join("docs"), &mut documents);
        let mut read = 0;
        for path in documents {
            for block in blocks(&fs_err::read_to_string(&path).unwrap(), "toml") {
                // What shows only one table or key is no spec by itself; the reference's are tried in `crates/spec`.
                let mut head = block.lines().take_while(|line| !line.starts_with('['));
                if !head.any(|line| line.split('=').next().is_some_and(|key| key.trim() == "name")) {
                    continue;
                }
                let folder = tempfile::tempdir().unwrap();
                fs_err::write(folder.path().join("spec.toml"), &block).unwrap();
                fs_err::write(folder.path().join("environment.yml"), "dependencies: [numpy]\n").unwrap();
                fs_err::write(folder.path().join("requirements.txt"), "numpy\n").unwrap();
                fs_err::write(folder.path().join("pixi.lock"), PIXI_LOCK).unwrap();
                match Spec::load(&folder.path().join("spec.toml"))
                    .and_then(|it| it.variants(Platform::LinuxAmd64))
                {
                    Ok(variants) => assert!(!variants.is_empty()),
                    Err(error) => panic!("{}: {error:?}\n{block}", path.display()),
                }
                read += 1;
            }
        }
        assert!(read > 3, "{read} specs were found");
    }

    #[test]
    fn every_link_in_the_documentation_leads_somewhere() {
        let root = workspace();
        let mut documents = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
        pages(&root.join("docs"), &mut documents);
        let mut followed = 0;
        for path in documents {
            let page = fs_err::read_to_string(&path).unwrap();
            for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap_or_default();
                if target.is_empty() || target.contains("://") {
                    continue;
                }
                let target = path.parent().unwrap().join(target);
                assert!(target.exists(), "{} links to {link}", path.display());
                followed += 1;
            }
        }
        assert!(followed > 10, "{followed} links were followed");
    }

    #[test]
    fn every_example_is_a_spec() {
        let mut read = 0;
        for entry in fs_err::read_dir(workspace().join("examples")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let variants = Spec::load(&path).and_then(|it| it.variants(Platform::LinuxAmd64));
                assert!(!variants.unwrap_or_else(|error| panic!("{}: {error:?}", path.display())).is_empty());
                read += 1;
            }
        }
        assert!(read > 3, "{read} examples were found");
    }
}
