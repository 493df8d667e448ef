//! Reading and writing the lock's text.

use imgbuild_layer::FormatVersion;

use crate::{Lock, base_content};

/// A lock that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It was written by another version of imgbuild.
    #[error("the lock has format version {found}, and this imgbuild reads versions up to {latest}", latest = FormatVersion::LATEST.number())]
    Version {
        /// Its version.
        found: i64,
    },
    /// It is not TOML, or lacks something.
    #[error("the lock cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A variant names a package that the lock does not list.
    #[error("the lock does not list `{package}`, which the variant `{variant}` needs")]
    Missing {
        /// The package.
        package: String,
        /// The first tag of the variant.
        variant: String,
    },
    /// There is no such variant.
    #[error("the lock has no variant {}", index + 1)]
    NoVariant {
        /// Its index.
        index: usize,
    },
    /// A conda record lacks a field.
    #[error("the record of `{url}` has no `{field}`")]
    Field {
        /// The package.
        url: String,
        /// The field.
        field: &'static str,
    },
    /// It cannot be written as TOML.
    #[error("the lock cannot be written: {0}")]
    Write(#[from] toml::ser::Error),
}

/// What every lock begins with: tools know it by this, as sources of local projects do, which hold no lock.
pub const MARK: &str = "# Made by `imgbuild lock`.";

/// What stands after the mark.
const HEAD: &str = " Images are built from this file: keep it beside the spec, under version control.\n\n";

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    ///
    /// When it is of another version, is not well-formed, or names packages that it does not list.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let table: toml::Table = text.parse()?;
        // A version that is missing is reported with all other fields that are.
        if let Some(found) = table.get("version").and_then(toml::Value::as_integer) {
            let known = u32::try_from(found).ok().and_then(|it| FormatVersion::try_from(it).ok());
            known.ok_or(LockError::Version { found }).map(drop)?;
        }
        let mut lock: Self = toml::from_str(text)?;
        base_content::take_over(&mut lock.variants);
        lock.check()?;
        Ok(lock)
    }

    /// Writes a lock: the same lock always has the same text.
    ///
    /// # Errors
    ///
    /// When a record holds what TOML cannot.
    pub fn to_text(&self) -> Result<String, LockError> {
        let mut lock = self.clone();
        base_content::leave_out(&mut lock.variants);
        Ok(format!("{MARK}{HEAD}{}", toml::to_string_pretty(&lock)?))
    }

    fn check(&self) -> Result<(), LockError> {
        for package in &self.conda {
            for field in ["name", "version", "build", "subdir"] {
                if package.text(field).is_none() {
                    return Err(LockError::Field { url: package.url.clone(), field });
                }
            }
        }
        self.check_packages()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::process::{Command, Stdio};

    use imgbuild_archive::ImagePath;
    use imgbuild_layer::{PartId, Threshold};
    use imgbuild_oci::{Digest, Platform};
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Changes, Compiler, CondaFacts, CondaPackage, CondaSet, DebianFacts, DebianPackage, DebianSet,
        ExcludedPath, ImageBase, ImageBaseLayer, LockedRepository, PypiBuild, PypiFacts, PypiPackage,
        PypiSet, PypiSource, SpecialDirectory, Variant,
    };

    fn path(text: &str) -> ImagePath {
        ImagePath::new(text).unwrap()
    }

    fn conda(name: &str, version: &str) -> CondaPackage {
        let fields = [("name", name), ("version", version), ("build", "0"), ("subdir", "linux-64")];
        let mut record: toml::Table =
            fields.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect();
        record.insert("depends".to_owned(), vec!["python >=3.11", "libzlib"].into());
        CondaPackage {
            url: format!("https://channel.example/linux-64/{name}-{version}-0.conda"),
            channel: "https://channel.example/".to_owned(),
            size: Some(1000),
            sha256: Digest::of(name),
            facts: CondaFacts {
                paths: Digest::of("paths"),
                installed_size: 5000,
                entry_points: vec!["a = b:main".to_owned()],
                link_scripts: vec![],
                distributions: vec![format!("{name} {version}")],
                activation: crate::Activation::default(),
            },
            record,
        }
    }

    fn wheel(name: &str, version: &str, build: Option<PypiBuild>) -> PypiPackage {
        PypiPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            filename: format!("{name}-{version}-py3-none-any.whl"),
            url: None,
            size: Some(2000),
            sha256: Digest::of(name),
            origin: None,
            build,
            facts: PypiFacts {
                paths: Digest::of("paths"),
                installed_size: 9000,
                timestamp: 1_700_000_000,
                entry_points: vec![],
                requires_python: Some(">=3.6".to_owned()),
                requires_dist: vec![],
                licence: Some("MIT".to_owned()),
                author: Some("A <a@b.example>".to_owned()),
            },
        }
    }

    pub(crate) fn sample() -> Lock {
        let debian = DebianPackage {
            name: "base-files".to_owned(),
            version: "12.4".to_owned(),
            architecture: "amd64".to_owned(),
            archive: "debian".to_owned(),
            filename: "pool/main/b/base-files/base-files_12.4_amd64.deb".to_owned(),
            size: 70_000,
            sha256: Digest::of("deb"),
            facts: DebianFacts {
                installed_size: 300_000,
                timestamp: 1_700_000_000,
                scripts: None,
                directories: vec![SpecialDirectory {
                    path: path("tmp"),
                    mode: "1777".to_owned(),
                    uid: 0,
                    gid: 0,
                }],
                licence: Some("GPL-2+".to_owned()),
            },
            record: "Package: base-files\nVersion: 12.4\n".to_owned(),
        };
        let numpy = conda("numpy", "2.0.2");
        let excluded = ExcludedPath {
            part: PartId::new("conda", "numpy"),
            path: path("opt/conda/bin/f2py"),
            winner: PartId::new("conda", "other"),
        };
        let set = CondaSet {
            prefix: path("opt/conda"),
            root_prefix: None,
            name: "base".to_owned(),
            alias: None,
            channels: vec!["https://channel.example/".to_owned()],
            requested: vec!["numpy".to_owned()],
            virtual_packages: [("__glibc".to_owned(), "2.36".to_owned())].into(),
            packages: vec![numpy.url.clone()],
            excluded: vec![excluded],
            post_link: vec![],
            accept_damaged: vec![],
            compilers: vec![Compiler { host: Platform::LinuxAmd64, packages: vec![numpy.url.clone()] }],
            variables: [("A".to_owned(), "b".to_owned())].into(),
        };
        let base = DebianSet {
            suite: "bookworm".to_owned(),
            mirror: None,
            security_mirror: None,
            components: vec!["main".to_owned()],
            keyring: None,
            path_rules: vec!["path-exclude=/usr/share/man/*".parse().unwrap()],
            packages: vec![debian.id()],
            requested: vec!["base-files".to_owned()],
            package_manager: true,
            left_out: vec![],
            configured: vec![],
            pins: [("git".to_owned(), "1:2.39.*".to_owned())].into(),
            repositories: vec![LockedRepository {
                name: "tools".to_owned(),
                url: "https://packages.example/debian".to_owned(),
                suite: "stable".to_owned(),
                components: vec!["main".to_owned()],
                keyring: Some("-----BEGIN PGP PUBLIC KEY BLOCK-----\n".to_owned()),
            }],
            excluded: vec![],
            compilers: vec![],
        };
        let layer = ImageBaseLayer {
            media_type: imgbuild_oci::MediaType::LayerGzip,
            digest: Digest::of("blob"),
            size: 100,
            diff_id: imgbuild_oci::DiffId(Digest::of("tar")),
            uncompressed_size: 1000,
        };
        let layout = ImageBase {
            name: Some("registry.example/base:1".to_owned()),
            index: None,
            manifest: Digest::of("manifest"),
            has_manifest: true,
            config: Digest::of("config"),
            config_size: 10,
            created: Some(1_700_000_000),
            system: Some("debian 12".to_owned()),
            glibc: Some("2.36".to_owned()),
            content: None,
            layers: vec![layer],
        };
        let setuptools = wheel("setuptools", "80.1", None);
        let source = PypiSource::Sdist {
            filename: "idna-3.10.tar.gz".to_owned(),
            url: None,
            sha256: Digest::of("sdist"),
            size: Some(3000),
            subdirectory: None,
        };
        let idna = wheel("idna", "3.10", Some(PypiBuild { source, requires: vec![setuptools.id()] }));
        let wheels = PypiSet {
            python: Some(crate::BasePython {
                version: "3.11.9".to_owned(),
                program: ImagePath::new("opt/conda/bin/python3.11").unwrap(),
                system_site_packages: true,
                environment: None,
                has_pip: true,
            }),
            prefix: path("opt/conda"),
            environment: None,
            requested: vec!["idna".to_owned()],
            packages: vec![idna.id()],
            provided: vec!["numpy 2.0.2".to_owned()],
            excluded: vec![],
        };
        let variant = Variant {
            tags: vec!["3.11".parse().unwrap()],
            platform: Platform::LinuxAmd64,
            keys: [("python".to_owned(), "3.11".to_owned())].into(),
            timestamp: 1_700_000_000,
            threshold: Threshold(1 << 20),
            cuts: Vec::new(),
            debian: Some(base),
            layout: Some(layout),
            image: None,
            conda: Some(set),
            pypi: Some(wheels),
            environments: Vec::new(),
        };
        Lock {
            version: FormatVersion::LATEST,
            inputs: Digest::of("inputs"),
            variants: vec![variant],
            debian: vec![debian],
            conda: vec![numpy],
            pypi: vec![setuptools, idna],
        }
    }

    #[test]
    fn a_lock_is_read_back_as_it_was_written() {
        let lock = sample();
        let text = lock.to_text().unwrap();
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        assert_eq!(Lock::parse(&text).unwrap().to_text().unwrap(), text);
        assert!(text.starts_with("# Made by `imgbuild lock`."));
    }

    /// The text of a lock that names another version.
    fn of_version(lock: &Lock, number: i64) -> String {
        let latest = format!("version = {}", FormatVersion::LATEST.number());
        lock.to_text().unwrap().replacen(&latest, &format!("version = {number}"), 1)
    }

    #[test]
    fn a_lock_of_an_older_form_is_read() {
        let lock = sample();
        for old in [1, 2] {
            let read = Lock::parse(&of_version(&lock, old)).unwrap();
            assert_eq!(read, Lock { version: FormatVersion::Two, ..lock.clone() });
            assert!(read.to_text().unwrap().contains("\nversion = 2\n"));
        }
    }

    #[test]
    fn a_lock_of_another_version_is_refused() {
        for other in [0, 5, -1, i64::MAX] {
            assert_eq!(
                Lock::parse(&of_version(&sample(), other)).unwrap_err().to_string(),
                format!("the lock has format version {other}, and this imgbuild reads versions up to 4")
            );
        }
    }

    #[test]
    fn a_lock_names_no_package_that_it_does_not_list() {
        let mut lock = sample();
        lock.conda.clear();
        let error = Lock::parse(&lock.to_text().unwrap()).unwrap_err();
        assert_snapshot!(error, @"the lock does not list `https://channel.example/linux-64/numpy-2.0.2-0.conda`, which the variant `3.11` needs");
        let mut lock = sample();
        lock.debian.clear();
        let error = Lock::parse(&lock.to_text().unwrap()).unwrap_err();
        assert_snapshot!(error, @"the lock does not list `base-files_12.4_amd64`, which the variant `3.11` needs");
        let refused = |change: fn(&mut Variant) -> &mut Vec<String>| {
            let mut lock = sample();
            change(&mut lock.variants[0]).push("other".to_owned());
            Lock::parse(&lock.to_text().unwrap()).unwrap_err().to_string()
        };
        let message = "the lock does not list `other`, which the variant `3.11` needs";
        let places: [fn(&mut Variant) -> &mut Vec<String>; 7] = [
            |it| &mut it.debian.as_mut().unwrap().packages,
            |it| &mut it.debian.as_mut().unwrap().left_out,
            |it| &mut it.debian.as_mut().unwrap().configured,
            |it| &mut it.conda.as_mut().unwrap().packages,
            |it| &mut it.conda.as_mut().unwrap().post_link,
            |it| &mut it.conda.as_mut().unwrap().compilers[0].packages,
            |it| &mut it.pypi.as_mut().unwrap().packages,
        ];
        for (place, number) in places.into_iter().zip(0..) {
            assert_eq!(refused(place), message, "{number}");
        }
        for (left, missing) in [(1, 0), (0, 1)] {
            let mut lock = sample();
            let missing = lock.pypi[missing].id();
            lock.pypi = vec![lock.pypi.swap_remove(left)];
            let error = Lock::parse(&lock.to_text().unwrap()).unwrap_err().to_string();
            assert_eq!(error, format!("the lock does not list `{missing}`, which the variant `3.11` needs"));
        }
    }

    #[test]
    fn a_record_has_what_everything_else_relies_on() {
        let mut lock = sample();
        lock.conda[0].record.remove("build");
        let error = Lock::parse(&lock.to_text().unwrap()).unwrap_err();
        assert_snapshot!(error, @"the record of `https://channel.example/linux-64/numpy-2.0.2-0.conda` has no `build`");
    }

    #[test]
    fn what_is_no_path_and_no_hash_is_refused() {
        let text = sample().to_text().unwrap();
        for (good, bad) in [
            ("\"opt/conda\"", "\"../conda\""),
            ("sha256 = \"sha256:", "sha256 = \"sha256:x"),
            ("linux/amd64", "linux/s390x"),
            ("path-exclude=/usr", "path-exclude=usr"),
        ] {
            assert!(Lock::parse(&text.replacen(good, bad, 1)).is_err(), "{bad}");
        }
        let unknown = format!("surprise = 1\n{text}");
        assert!(Lock::parse(&unknown).is_err());
    }

    #[test]
    fn changes_are_told_by_package() {
        let before = sample();
        let mut after = sample();
        after.conda[0] = conda("numpy", "2.1.0");
        after.conda.push(conda("idna", "3.10"));
        after.debian.clear();
        after.pypi[1] = wheel("idna", "3.11", None);
        let variant = &mut after.variants[0];
        variant.debian = None;
        let conda = variant.conda.as_mut().unwrap();
        conda.packages = vec![after.conda[0].url.clone()];
        conda.compilers[0].packages = vec![after.conda[1].url.clone()];
        variant.pypi.as_mut().unwrap().packages = vec![after.pypi[1].id()];
        let changes: Vec<String> = Changes::between(Some(&before), &after, &BTreeSet::new())
            .unwrap()
            .0
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            changes,
            [
                "~ conda/numpy 2.0.2 0 -> 2.1.0 0",
                "~ pypi/idna 3.10 -> 3.11",
                "- debian/base-files 12.4",
                "+ conda/idna 3.10 0 (in no image: only to build with)",
            ]
        );
        assert!(Changes::between(Some(&before), &before, &BTreeSet::new()).unwrap().0.is_empty());
    }

    /// What Python reads of a lock: the name and the requests of its environment, and a field of its package.
    const READER: &str = r#"
import json, sys, tomllib
lock = tomllib.loads(sys.stdin.buffer.read().decode())
environment = next(it["conda"] for it in lock["variant"] if "conda" in it)
print(json.dumps([environment["name"], *environment["requested"], lock["conda"][0]["record"]["license"]]))
"#;

    fn read_by_python(text: &str) -> Vec<String> {
        let mut python = Command::new("python3");
        let python = python.args(["-I", "-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().unwrap();
        python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "{text}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_read_back(
            texts in prop::collection::vec("(?s)['\"\\\\$`\r\n\t#=\\[\\]{} a-c]{0,16}|[\u{0}-\u{ff}]{0,8}|.{0,8}", 3..24),
        ) {
            let mut lock = sample();
            let Some(set) = lock.variants.iter_mut().find_map(|variant| variant.conda.as_mut()) else {
                return Err(TestCaseError::fail("the sample has no environment"));
            };
            let (first, last) = (texts[0].clone(), texts[texts.len() - 1].clone());
            set.name = first.clone();
            set.requested = texts[1..texts.len() - 1].to_vec();
            set.variables = texts.iter().map(|text| (text.clone(), text.clone())).collect();
            lock.conda[0].record.insert("license".to_owned(), last.as_str().into());
            let text = lock.to_text().unwrap();
            prop_assert_eq!(&Lock::parse(&text).unwrap(), &lock);
            prop_assert_eq!(read_by_python(&text), texts);
        }
    }
}
