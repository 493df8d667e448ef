//! PyTorch's own indexes, and mirrors of them.

use std::io;
use std::path::Path;

use imgbuild_secret::SecretText;
use url::Url;

/// Which of PyTorch's indexes is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PytorchIndex {
    /// Its name, such as `cu129`; nothing for none.
    pub backend: Option<String>,
    /// Whether an index of one's own that has PyTorch goes before it.
    pub gives_way: bool,
}

/// What a run of uv is told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum PytorchChoice {
    /// Nothing.
    #[default]
    Nothing,
    /// The name of an index that uv knows.
    Backend(String),
    /// A folder with the pages of a mirror, as an index that goes before all others.
    Pages(SecretText),
}

/// Writes a page of a package into the folder of an index.
pub(crate) fn write_page(folder: &Path, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("index.html"), text)
}

/// A page with the whole address of every file: those that name PyTorch's own server, or the folder of it, are on the mirror.
pub(crate) fn rewritten(page: &str, root: &Url, address: &Url) -> String {
    let mut rest = page;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once("href=") {
        let quote = after.chars().next().filter(|it| ['"', '\''].contains(it));
        let (target, after) = match quote {
            Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            None => after.split_at(after.find([' ', '>', '\n']).unwrap_or(after.len())),
        };
        let found = on_mirror(target, root, address).unwrap_or_else(|| target.to_owned());
        text.push_str(&format!("{before}href=\"{found}\""));
        rest = after;
    }
    text.push_str(rest);
    text
}

fn on_mirror(target: &str, root: &Url, address: &Url) -> Option<String> {
    let target = target.replace("&amp;", "&");
    let own = Url::parse(&target).ok().filter(|url| {
        url.host_str().is_some_and(|host| host.starts_with("download") && host.ends_with(".pytorch.org"))
    });
    let path = match &own {
        Some(url) => url.path().strip_prefix("/whl/"),
        None => target.strip_prefix("/whl/"),
    };
    let found = match path {
        // A mirror whose own folder is called so has it there.
        Some(_) if own.is_none() && root.path().trim_end_matches('/') == "/whl" => {
            address.join(&target).ok()?
        }
        Some(path) => {
            let fragment =
                own.as_ref().and_then(Url::fragment).map(|it| format!("#{it}")).unwrap_or_default();
            let root = format!("{}/", root.as_str().trim_end_matches('/'));
            Url::parse(&root).ok()?.join(&format!("{path}{fragment}")).ok()?
        }
        None => address.join(&target).ok()?,
    };
    Some(found.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_mirrored_page_are_on_the_mirror() {
        let shown = |target: &str, root: &str| {
            let address = Url::parse(&format!("{root}/cu129/torch/")).unwrap();
            on_mirror(target, &Url::parse(root).unwrap(), &address).unwrap()
        };
        let mirror = "https://mirror.example/pytorch/whl";
        let file = "cu129/torch-2.8.0%2Bcu129-cp311-cp311-manylinux_2_28_x86_64.whl#sha256=ab";
        for target in [
            format!("/whl/{file}"),
            format!("https://download.pytorch.org/whl/{file}"),
            format!("https://download-r2.pytorch.org/whl/{file}"),
        ] {
            assert_eq!(shown(&target, mirror), format!("{mirror}/{file}"));
        }
        assert_eq!(shown("../../a.whl#sha256=1", mirror), format!("{mirror}/a.whl#sha256=1"));
        assert_eq!(shown("https://files.example/a.whl", mirror), "https://files.example/a.whl");
        assert_eq!(shown("/whl/cu129/a.whl", "https://m.example/whl"), "https://m.example/whl/cu129/a.whl");
    }

    #[test]
    fn nothing_else_of_a_page_changes() {
        let root = Url::parse("https://mirror.example/whl").unwrap();
        let page = "<html><body>\n<a href=\"/whl/a.whl#sha256=1\" data-requires-python=\"&gt;=3.9\">a.whl</a>\n<a href='b.whl'>b</a>";
        assert_eq!(
            rewritten(page, &root, &root),
            "<html><body>\n<a href=\"https://mirror.example/whl/a.whl#sha256=1\" data-requires-python=\"&gt;=3.9\">a.whl</a>\n<a href=\"https://mirror.example/b.whl\">b</a>"
        );
    }
}
