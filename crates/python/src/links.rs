//! Sources that are symbolic links: Python looks for their bytecode beside the link.

use layer::ImagePath;

/// Where a symbolic link leads; nothing where that is no path of the image. Links on the way are not followed.
pub(crate) fn target(link: &ImagePath, text: &str) -> Option<ImagePath> {
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
}
