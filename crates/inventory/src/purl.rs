//! Package URLs: the names by which databases of vulnerabilities and inventories know packages (`package-url/purl-spec`).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Kind, Package, System};

/// What stands in a component as it is: everything else is written in percent ("Character encoding" of the specification).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b':');

impl Package {
    /// Its package URL. Of Debian's packages the namespace is the system's, which the image names.
    pub fn purl(&self, system: Option<&System>) -> String {
        let id = |fallback: &str| system.map_or(fallback, |system| system.id.as_str()).to_owned();
        let release = || {
            let system = system?;
            Some(format!("{}-{}", system.id, system.version.as_deref().or(system.codename.as_deref())?))
        };
        let name = self.id.name.split(':').next().unwrap_or(&self.id.name);
        match self.id.kind {
            Kind::Debian => {
                // By the source package, as Syft writes it and Grype reads it, advisories are found.
                let source = self.debian_source().filter(|source| *source != (name, self.version.as_str()));
                let source = source.map(|(name, version)| {
                    if version == self.version { name.to_owned() } else { format!("{name}@{version}") }
                });
                let qualifiers =
                    [("arch", self.architecture.clone()), ("distro", release()), ("upstream", source)];
                purl("deb", Some(&id("debian")), name, &self.version, &qualifiers)
            }
            Kind::Apk => {
                let qualifiers = [("arch", self.architecture.clone()), ("distro", release())];
                purl("apk", Some(&id("alpine")), name, &self.version, &qualifiers)
            }
            Kind::Conda => {
                let file = self.archive.as_ref().map(|archive| archive.name.as_str());
                let form =
                    ["conda", "tar.bz2"].into_iter().find(|it| file.is_some_and(|file| file.ends_with(it)));
                let qualifiers = [
                    ("build", self.build.clone()),
                    (
                        "channel",
                        self.channel.as_deref().map(|it| channel_name(it, self.architecture.as_deref())),
                    ),
                    ("subdir", self.architecture.clone()),
                    ("type", form.map(str::to_owned)),
                ];
                purl("conda", None, name, &self.version, &qualifiers)
            }
            Kind::Pypi => pypi_purl(name, &self.version),
        }
    }

    /// The package URLs that it has beside its own: those of the distributions of Python that a package of conda or Debian is, so
    /// that databases that know only PyPI find it.
    pub fn further_purls(&self) -> Vec<String> {
        if self.id.kind == Kind::Pypi {
            return Vec::new();
        }
        let version = |it: &imgbuild_python::Distribution| it.version.clone();
        let purls = self.distributions.iter();
        purls.filter_map(|it| Some(pypi_purl(&it.name, &version(it)?))).collect()
    }
}

/// The package URL of a project of PyPI: its name in lower case, with hyphens.
fn pypi_purl(name: &str, version: &str) -> String {
    purl("pypi", None, &imgbuild_python::normalized(name), version, &[])
}

/// The name of a channel, which is what the type `conda` wants: `main`, `conda-forge`; of a URL its last word, but for the `subdir` that
/// conda writes behind it.
fn channel_name(channel: &str, subdir: Option<&str>) -> String {
    let channel = channel.trim_end_matches('/');
    let without = subdir.and_then(|subdir| channel.strip_suffix(subdir)?.strip_suffix('/'));
    let channel = without.unwrap_or(channel);
    channel.rsplit('/').next().unwrap_or(channel).to_owned()
}

fn purl(
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    version: &str,
    qualifiers: &[(&str, Option<String>)],
) -> String {
    let plain = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let mut text = format!("pkg:{kind}/");
    text.extend(namespace.map(|it| format!("{}/", plain(it))));
    text.push_str(&format!("{}@{}", plain(name), plain(version)));
    // They stand in the order of their names, and empty ones not at all.
    let given = qualifiers.iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
    let given = given.filter(|(_, value)| !value.is_empty());
    for (number, (key, value)) in given.enumerate() {
        let mark = if number == 0 { '?' } else { '&' };
        text.push_str(&format!("{mark}{key}={}", plain(value)));
    }
    text
}

#[cfg(test)]
mod tests {
    use imgbuild_archive::ImagePath;

    use super::*;
    use crate::{ArchiveFile, PackageId};

    #[test]
    fn packages_have_the_urls_of_the_specification() {
        let bookworm = System {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            codename: Some("bookworm".to_owned()),
        };
        let mut bash = Package::new(PackageId::of_system(Kind::Debian, "libstdc++6"), "1:12.2.0-14+deb12u1");
        bash.architecture = Some("amd64".to_owned());
        insta::assert_snapshot!(bash.purl(Some(&bookworm)), @"pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12");
        bash.source = Some("gcc-12".to_owned());
        insta::assert_snapshot!(bash.purl(Some(&bookworm)), @"pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12");
        bash.source = Some("gcc-12 (12.2.0-14)".to_owned());
        insta::assert_snapshot!(bash.purl(None), @"pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&upstream=gcc-12%4012.2.0-14");
        bash.source = None;
        insta::assert_snapshot!(bash.purl(None), @"pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64");
        let prefix = ImagePath::new("opt/conda").unwrap();
        let id = PackageId::of_environment(Kind::Conda, "numpy", &prefix);
        let mut numpy = Package::new(id, "1.26.4");
        numpy.build = Some("py311h64a7726_0".to_owned());
        numpy.channel = Some("https://conda.example/conda-forge/".to_owned());
        numpy.architecture = Some("linux-64".to_owned());
        let name = "numpy-1.26.4-py311h64a7726_0.conda".to_owned();
        numpy.archive = Some(ArchiveFile { name, url: None, sha256: None, size: None });
        numpy.distributions = vec!["numpy 1.26.4".to_owned().try_into().unwrap()];
        insta::assert_snapshot!(numpy.purl(None), @"pkg:conda/numpy@1.26.4?build=py311h64a7726_0&channel=conda-forge&subdir=linux-64&type=conda");
        assert_eq!(numpy.further_purls(), ["pkg:pypi/numpy@1.26.4"]);
        let wheel =
            Package::new(PackageId::of_environment(Kind::Pypi, "ruamel-yaml", &prefix), "0.18.6+cu118");
        insta::assert_snapshot!(wheel.purl(None), @"pkg:pypi/ruamel-yaml@0.18.6%2Bcu118");
        assert!(wheel.further_purls().is_empty());
    }
}
