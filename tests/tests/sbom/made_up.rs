//! An image that nobody built, with packages of every kind and of every way of saying what they are.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_inventory::{ArchiveFile, Inventory, Kind, Package, PackageId, Requirement, System};
use imgbuild_oci::{Digest, Platform, Timestamp};
use imgbuild_sbom::{Completeness, Contact, ImageFacts};

/// The packages: Debian's with a source package of another name and version, conda's with distributions of Python, one of them in two
/// environments, wheels; licences of every sort.
pub(crate) fn inventory() -> Inventory {
    let system = System {
        id: "debian".to_owned(),
        version: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
    };
    let packages =
        [libc(), openssl(), python(&base()), numpy(&base()), numpy(&vision()), nvidia(), wheel(), sdist()];
    Inventory::new(Platform::LinuxAmd64, Some(system), packages)
}

/// What is known of the image, with the SHA-512 of every archive, as who has the archives can compute them.
pub(crate) fn facts() -> ImageFacts {
    let digests = inventory().packages().filter_map(|it| it.archive.as_ref()?.sha256).collect::<Vec<_>>();
    let sha512: BTreeMap<Digest, String> = digests.into_iter().map(|it| (it, it.hex().repeat(2))).collect();
    ImageFacts {
        name: "registry.example/team/made-up".to_owned(),
        tag: Some("1.0".to_owned()),
        digest: Some(Digest::of("manifest")),
        identity: Digest::of("manifest"),
        created: Timestamp::from_seconds(1_767_323_045).unwrap(),
        creator: Contact::read("The team <team@example.org>"),
        tool_version: Some("0.1.0".to_owned()),
        completeness: Completeness::Complete,
        sha512,
    }
}

fn base() -> ImagePath {
    ImagePath::new("opt/conda").unwrap()
}

fn vision() -> ImagePath {
    ImagePath::new("opt/conda/envs/vision").unwrap()
}

fn archive(name: &str, url: Option<&str>) -> ArchiveFile {
    let url = url.map(|place| format!("{place}{name}"));
    ArchiveFile { name: name.to_owned(), url, sha256: Some(Digest::of(name)), size: Some(1) }
}

fn needs(package: &mut Package, text: &str, met_by: &[PackageId]) {
    package.requires.push(Requirement { text: text.to_owned(), met_by: met_by.to_vec() });
}

fn libc() -> Package {
    let mut package = Package::new(PackageId::of_system(Kind::Debian, "libc6"), "2.36-9+deb12u8");
    package.architecture = Some("amd64".to_owned());
    package.source = Some("glibc".to_owned());
    package.archive = Some(archive("libc6_2.36-9+deb12u8_amd64.deb", None));
    package.supplier = Some("GNU Libc Maintainers <debian-glibc@lists.debian.org>".to_owned());
    package.licence = Some("LGPL-2.1+ and GPL-2+".to_owned());
    package.summary = Some("GNU C Library: Shared libraries".to_owned());
    package
}

fn openssl() -> Package {
    let mut package = Package::new(PackageId::of_system(Kind::Debian, "libstdc++6"), "12.2.0-14");
    package.architecture = Some("amd64".to_owned());
    package.source = Some("gcc-12 (4:12.2.0-14+b1)".to_owned());
    package.archive = Some(archive("libstdc++6_12.2.0-14_amd64.deb", None));
    package.supplier = Some("Debian GCC Maintainers <debian-gcc@lists.debian.org>".to_owned());
    package.licence = Some("GPL-3.0-or-later WITH GCC-exception-3.1".to_owned());
    package.homepage = Some("http://gcc.example/".to_owned());
    needs(&mut package, "libc6 (>= 2.34)", &[PackageId::of_system(Kind::Debian, "libc6")]);
    package
}

fn conda(name: &str, version: &str, build: &str, environment: &ImagePath) -> Package {
    let mut package = Package::new(PackageId::of_environment(Kind::Conda, name, environment), version);
    package.build = Some(build.to_owned());
    package.architecture = Some("linux-64".to_owned());
    package.channel = Some("https://channels.example/conda-forge".to_owned());
    let place = "https://channels.example/conda-forge/linux-64/";
    package.archive = Some(archive(&format!("{name}-{version}-{build}.conda"), Some(place)));
    package
}

fn python(environment: &ImagePath) -> Package {
    let mut package = conda("python", "3.11.9", "hb806964_0_cpython", environment);
    package.licence = Some("Python-2.0".to_owned());
    package.requested = vec!["python 3.11.*".to_owned()];
    needs(&mut package, "__glibc >=2.17", &[]);
    package
}

fn numpy(environment: &ImagePath) -> Package {
    let mut package = conda("numpy", "1.26.4", "py311h64a7726_0", environment);
    package.licence = Some("BSD-3-Clause".to_owned());
    package.homepage = Some("https://numpy.example".to_owned());
    package.distributions = vec!["numpy 1.26.4".to_owned().try_into().unwrap()];
    package.requested = vec!["numpy".to_owned()];
    package.installed_size = Some(40_000_000);
    let python = PackageId::of_environment(Kind::Conda, "python", environment);
    needs(
        &mut package,
        "python >=3.11,<3.12.0a0",
        &[python].into_iter().filter(|_| *environment == base()).collect::<Vec<_>>(),
    );
    package
}

fn nvidia() -> Package {
    let mut package = conda("cuda-cudart", "12.4.127", "0", &base());
    package.licence = Some("LicenseRef-NVIDIA-End-User-License-Agreement".to_owned());
    package
}

fn wheel() -> Package {
    let mut package =
        Package::new(PackageId::of_environment(Kind::Pypi, "ruamel-yaml", &base()), "0.18.6+cu118");
    package.archive = Some(archive("ruamel.yaml-0.18.6+cu118-py3-none-any.whl", None));
    package.licence = Some("BSD License".to_owned());
    package.supplier = Some("somebody@example.org".to_owned());
    package.requested = vec!["ruamel.yaml".to_owned()];
    let numpy = PackageId::of_environment(Kind::Conda, "numpy", &base());
    needs(&mut package, "numpy>=1.20; python_version > '3'", &[numpy]);
    package
}

fn sdist() -> Package {
    let mut package = Package::new(PackageId::of_environment(Kind::Pypi, "tiny", &base()), "1!2.0rc1");
    package.archive = Some(archive("tiny-1!2.0rc1-py3-none-any.whl", None));
    package.licence = Some("MIT OR Apache-2.0".to_owned());
    package.supplier = Some("Somebody, nowhere".to_owned());
    package.homepage = Some("https://tiny.example/".to_owned());
    package
}
