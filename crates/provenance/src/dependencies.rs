//! What an image is made of and with: all that its lock names, with digests.

use std::collections::BTreeSet;

use imgbuild_lock::{
    CondaPackage, DebianPackage, LockedSet, LockedVariant, PypiPackage, PypiSource, Variant,
};
use imgbuild_oci::{Digest, Reference};
use imgbuild_secret::public;
use serde_json::{Map, Value, json};

use crate::facts::{Commit, Facts};
use crate::purl::purl;

/// What a variant is made of and with, each once: the lock, the commit, the base, and packages in the lock's order.
pub(crate) fn dependencies(locked: &LockedVariant<'_>, facts: &Facts<'_>) -> Vec<Value> {
    let mut all = vec![json!({ "name": "lock", "digest": sha256(&facts.lock) })];
    all.extend(facts.commit.map(of_commit));
    all.extend(of_base(locked.variant));
    let debian = locked.debian.iter();
    all.extend(debian.flat_map(|set| set.all_packages().map(|it| of_debian(it, &set.set.suite))));
    let conda = locked.conda.iter().chain(locked.environments.iter().filter_map(|it| it.conda.as_ref()));
    all.extend(conda.flat_map(LockedSet::all_packages).map(of_conda));
    let wheels = locked.pypi.iter().chain(locked.environments.iter().filter_map(|it| it.pypi.as_ref()));
    for wheel in wheels.flat_map(LockedSet::all_packages) {
        all.push(of_wheel(wheel));
        let Some(build) = &wheel.build else { continue };
        all.push(of_source(wheel, &build.source));
        let tools = build.requires.iter().filter_map(|id| locked.wheels.iter().find(|it| it.id() == *id));
        all.extend(tools.map(of_wheel));
    }
    let mut seen = BTreeSet::new();
    all.retain(|it| seen.insert(it.to_string()));
    all
}

fn sha256(digest: &Digest) -> Value {
    json!({ "sha256": digest.hex() })
}

/// What SLSA calls a resource.
fn resource(uri: String, digest: Value, location: Option<&str>) -> Value {
    let mut fields = Map::from_iter([("uri".to_owned(), uri.into()), ("digest".to_owned(), digest)]);
    if let Some(location) = location {
        fields.insert("downloadLocation".to_owned(), public(location).into());
    }
    Value::Object(fields)
}

fn of_commit(commit: &Commit) -> Value {
    let digest = json!({ "gitCommit": commit.id });
    let mut value = match &commit.repository {
        Some(repository) => resource(git(repository, &commit.id), digest, None),
        None => json!({ "name": "commit", "digest": digest }),
    };
    if commit.is_changed {
        value["annotations"] = json!({ "changed": true });
    }
    value
}

/// A repository as SPDX names it.
fn git(url: &str, commit: &str) -> String {
    let url = public(url);
    // What ssh calls `git@host:path` is no URL.
    let url = match url.split_once(':') {
        Some((host, path)) if !path.starts_with("//") && host.contains('@') => format!("ssh://{host}/{path}"),
        _ => url,
    };
    format!("git+{url}@{commit}")
}

/// The image that a variant stands on: one of a registry by its name there, one of a layout by its digest alone.
fn of_base(variant: &Variant) -> Option<Value> {
    let base = variant.existing()?;
    let digest = sha256(&base.manifest);
    let name = variant.image.as_ref().and_then(|image| image.name.as_ref());
    let Some(reference) = name.and_then(|name| name.parse::<Reference>().ok()) else {
        return Some(json!({ "name": "base", "digest": digest }));
    };
    let tag = reference.tag().map(ToString::to_string).unwrap_or_default();
    // With the registry that nobody writes, and without what it was called by.
    let full = reference.full();
    let url = full.split('@').next().unwrap_or(&full);
    let url = url.strip_suffix(&format!(":{tag}")).unwrap_or(url);
    let last = url.rsplit('/').next().unwrap_or(url);
    let qualifiers =
        [("repository_url", url), ("tag", tag.as_str()), ("arch", variant.platform.architecture())];
    Some(resource(purl("oci", last, &base.manifest.to_string(), &qualifiers), digest, None))
}

fn of_debian(package: &DebianPackage, suite: &str) -> Value {
    let DebianPackage { name, version, architecture, archive, .. } = package;
    // Packages of Debian's own archives are Debian's; those of others are of the repository that the lock names.
    let distro = if archive.starts_with("debian") { suite } else { "" };
    let uri = purl("deb/debian", name, version, &[("arch", architecture), ("distro", distro)]);
    resource(uri, sha256(&package.sha256), None)
}

fn of_conda(package: &CondaPackage) -> Value {
    let kind = if package.url.ends_with(".conda") { "conda" } else { "tar.bz2" };
    let qualifiers = [
        ("build", package.build()),
        ("channel", &*channel(&package.channel)),
        ("subdir", package.text("subdir").unwrap_or_default()),
        ("type", kind),
    ];
    let uri = purl("conda", package.name(), package.version(), &qualifiers);
    resource(uri, sha256(&package.sha256), Some(&package.url))
}

/// A channel's name, which is the end of its URL.
fn channel(text: &str) -> String {
    let text = public(text);
    text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

fn of_wheel(wheel: &PypiPackage) -> Value {
    let uri = purl("pypi", &wheel.name, &wheel.version, &[("file_name", &wheel.filename)]);
    resource(uri, sha256(&wheel.sha256), wheel.url.as_deref())
}

fn of_source(wheel: &PypiPackage, source: &PypiSource) -> Value {
    match source {
        PypiSource::Sdist { filename, url, sha256: digest, .. } => {
            let uri = purl("pypi", &wheel.name, &wheel.version, &[("file_name", filename)]);
            resource(uri, sha256(digest), url.as_deref())
        }
        PypiSource::Git { url, commit, .. } => {
            resource(git(url, commit), json!({ "gitCommit": commit }), None)
        }
        PypiSource::Folder { path, sha256: digest } => {
            // Its own kind of hash: over all files of the folder.
            json!({ "name": path, "digest": { "imgbuildFolder": digest.hex() } })
        }
    }
}
