//! Sources that are links: Python looks for their bytecode beside the link.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;

/// As many links as Linux follows in one path.
const MOST: usize = 40;

/// Where the links of a part lead.
#[derive(Debug, Default)]
pub(crate) struct Links(BTreeMap<ImagePath, ImagePath>);

impl Links {
    pub(crate) fn symbolic(&mut self, link: ImagePath, text: &str) {
        if let Some(target) = target(&link, text) {
            self.0.insert(link, target);
        }
    }

    pub(crate) fn hard(&mut self, link: ImagePath, target: ImagePath) {
        self.0.insert(link, target);
    }

    /// What is no link at the end of the links that begin at a path; nothing where there is no end.
    pub(crate) fn file(&self, path: &ImagePath) -> Option<ImagePath> {
        let mut at = path;
        for _ in 0..MOST {
            match self.0.get(at) {
                Some(next) => at = next,
                None => return Some(at.clone()),
            }
        }
        None
    }

    /// The links.
    pub(crate) fn names(&self) -> impl Iterator<Item = &ImagePath> {
        self.0.keys()
    }
}

/// Where a symbolic link leads; nothing where that is no path of the image. Links on the way are not followed.
fn target(link: &ImagePath, text: &str) -> Option<ImagePath> {
    let folder = link.parent().filter(|_| !text.starts_with('/'));
    let mut components: Vec<&str> = folder.iter().flat_map(|folder| folder.as_str().split('/')).collect();
    for component in text.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            name => components.push(name),
        }
    }
    ImagePath::new(&components.join("/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_their_folder_or_from_the_root() {
        let link = ImagePath::new("usr/lib/python3/site.py").unwrap();
        let leads = |text: &str| target(&link, text).map(|path| path.to_string());
        assert_eq!(leads("other.py").as_deref(), Some("/usr/lib/python3/other.py"));
        assert_eq!(leads("../x/./y.py").as_deref(), Some("/usr/lib/x/y.py"));
        assert_eq!(leads("/etc/site.py").as_deref(), Some("/etc/site.py"));
        // The root is above itself.
        assert_eq!(leads("../../../../../etc/site.py").as_deref(), Some("/etc/site.py"));
        assert_eq!(leads("/"), None);
    }

    #[test]
    fn links_are_followed_to_their_end() {
        let path = |text: &str| ImagePath::new(text).unwrap();
        let mut links = Links::default();
        links.hard(path("c"), path("b"));
        links.symbolic(path("b"), "a");
        links.symbolic(path("round"), "about");
        links.symbolic(path("about"), "round");
        assert_eq!(links.file(&path("c")), Some(path("a")));
        assert_eq!(links.file(&path("a")), Some(path("a")));
        assert_eq!(links.file(&path("round")), None);
    }
}
