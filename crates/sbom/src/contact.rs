//! Who made a thing, and how to reach them.

use imgbuild_inventory::Package;

/// Somebody, as far as it is known: BSI TR-03183-2 wants an e-mail address or a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// Their name.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their page.
    pub url: Option<String>,
}

impl Contact {
    /// Who is meant by a text such as `Debian GCC Maintainers <debian-gcc@lists.debian.org>`, by an address, a page, or a name.
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        let given = |it: &str| (!it.is_empty()).then(|| it.trim_matches('"').to_owned());
        if let Some((name, rest)) = text.split_once('<')
            && let Some((address, _)) = rest.split_once('>')
            && is_address(address)
        {
            return Self { name: given(name.trim()), email: given(address), url: None };
        }
        if is_page(text) {
            return Self { url: given(text), ..Self::default() };
        }
        if is_address(text) {
            return Self { email: given(text), ..Self::default() };
        }
        Self { name: given(text), ..Self::default() }
    }

    /// Who made a document about an image that names nobody: this program, by its page.
    pub(crate) fn of_program() -> Self {
        // A literal: it stands in images, and those have their bytes for ever.
        let page = "https://github.com/imgbuild/imgbuild".to_owned();
        Self { name: Some("imgbuild".to_owned()), email: None, url: Some(page) }
    }

    /// Who made a package: whom it names itself, by an address or by its page; else the channel, which has built it.
    pub(crate) fn of_package(package: &Package) -> Self {
        let mut contact = package.supplier.as_deref().map(Self::read).unwrap_or_default();
        if contact.email.is_none() && contact.url.is_none() {
            let channel = package.channel.as_deref();
            let pages = [package.homepage.as_deref(), channel];
            contact.url = pages.into_iter().flatten().find(|it| is_page(it)).map(str::to_owned);
        }
        contact
    }

    /// A name for them in any case; nothing where nothing is known.
    pub(crate) fn label(&self) -> Option<&str> {
        self.name.as_deref().or(self.email.as_deref()).or(self.url.as_deref())
    }
}

fn is_page(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
        && !text.contains(char::is_whitespace)
}

fn is_address(text: &str) -> bool {
    let plain = |it: &str| {
        !it.is_empty() && !it.contains(|it: char| it.is_whitespace() || matches!(it, '@' | '<' | '>' | ','))
    };
    text.split_once('@').is_some_and(|(who, host)| plain(who) && plain(host) && host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(name: Option<&str>, email: Option<&str>, url: Option<&str>) -> Contact {
        let own = |it: Option<&str>| it.map(str::to_owned);
        Contact { name: own(name), email: own(email), url: own(url) }
    }

    #[test]
    fn a_text_is_read_for_what_it_says() {
        let mail = Some("gcc@lists.example.org");
        assert_eq!(Contact::read("GCC <gcc@lists.example.org>"), contact(Some("GCC"), mail, None));
        assert_eq!(Contact::read("\"GCC, Inc.\" <gcc@lists.example.org>").name.as_deref(), Some("GCC, Inc."));
        assert_eq!(Contact::read("gcc@lists.example.org"), contact(None, mail, None));
        assert_eq!(Contact::read("https://gcc.example/"), contact(None, None, Some("https://gcc.example/")));
        for text in ["GCC", "GCC <>", "GCC <somebody>", "gcc at example.org", "a@b", "a@b.c, d@e.f"] {
            assert_eq!(Contact::read(text), contact(Some(text), None, None));
        }
        assert_eq!(Contact::read(" "), Contact::default());
    }
}
