//! What an image that a Dockerfile begins with means: Debian, Python, conda, CUDA.

use imgbuild_spec::Suite;

use crate::docker::taking::{Found, Taking};
use crate::draft::Draft;
use crate::python::minor;

/// An image's name in its parts.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    /// The repository without the registry, such as `continuumio/miniconda3`.
    repository: &'a str,
    /// The tag; empty where there is none.
    tag: &'a str,
}

/// Takes over what a `FROM` names.
pub(crate) fn take(taking: &mut Taking<'_>, image: &str, place: &str) {
    let from = format!("FROM {image}");
    if image == "scratch" {
        return taking.leave_out(
            place,
            &from,
            "the image stands on Debian; `base = \"scratch\"` has nothing but what is copied",
        );
    }
    let Reference { repository, tag } = reference(image);
    let (owner, name) = repository.rsplit_once('/').unwrap_or(("", repository));
    let is_known = distribution(taking, (owner, name), tag, place)
        || python(taking, (owner, name), tag, place)
        || conda(taking, (owner, name), tag, place)
        || framework(taking, (owner, name), tag, place);
    if is_known {
        if image.contains("alpine") {
            taking.leave_out(
                place,
                &from,
                "the image stands on Debian: wheels and conda's packages are made for glibc",
            );
        }
        return;
    }
    if is_in_a_registry(image) {
        taking.found.image = Some((image.to_owned(), place.to_owned()));
        return;
    }
    taking.leave_out(
        place,
        &from,
        format!("it is not known what is in it, so the image stands on Debian; to build on it, write `image = \"{image}\"` into `[base]`"),
    );
}

/// Writes into the draft that the image stands on one of a registry, where nothing speaks against it. Gives whether it does.
pub(crate) fn finish(draft: &mut Draft, found: &mut Found) -> bool {
    let Some((image, place)) = found.image.take() else { return false };
    match draft.place("base.packages") {
        None => {
            found.suite = None;
            draft.set("base.image", &image, &place);
            true
        }
        Some(packages) => {
            let reason = format!(
                "`[base]` has either an image or Debian packages, and {packages} installs some: so the image stands on Debian; to build on it, write `image = \"{image}\"` instead of `packages`"
            );
            draft.leave_out(&place, format!("FROM {image}"), reason);
            false
        }
    }
}

/// Whether an image's name says in which registry it is: then it is somebody's own.
fn is_in_a_registry(image: &str) -> bool {
    image.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
}

/// The parts of an image's name: registries and digests say nothing of what is in it.
fn reference(image: &str) -> Reference<'_> {
    let name = image.split('@').next().unwrap_or(image);
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (name, ""),
    };
    let repository = match name.split_once('/') {
        Some((_, rest)) if is_in_a_registry(name) => rest,
        _ => name,
    };
    Reference { repository: repository.strip_prefix("library/").unwrap_or(repository), tag }
}

/// The release of Debian that a tag names.
fn suite(tag: &str) -> Option<Suite> {
    let is = |words: &[&str]| tag.split(['-', '.']).any(|part| words.contains(&part));
    if is(&["bookworm", "12", "debian12"]) {
        Some(Suite::Bookworm)
    } else if is(&["trixie", "13", "debian13"]) {
        Some(Suite::Trixie)
    } else {
        None
    }
}

fn distribution(taking: &mut Taking<'_>, (owner, name): (&str, &str), tag: &str, place: &str) -> bool {
    let (is_debian, is_ubuntu) =
        (name.starts_with("debian") || owner == "bitnami" && name == "minideb", name == "ubuntu");
    match (owner, name) {
        ("" | "amd64" | "arm64v8" | "bitnami", _) if is_debian || name == "buildpack-deps" => {
            let found = suite(tag);
            if found.is_none()
                && !["", "latest", "stable", "stable-slim", "slim", "curl", "scm"].contains(&tag)
            {
                taking.leave_out(
                    place,
                    &format!("FROM {name}:{tag}"),
                    "this release is not one that images are made of: they stand on Debian 12 or 13",
                );
            }
            taking.found.suite = found;
        }
        ("" | "amd64" | "arm64v8", "ubuntu") if is_ubuntu => {
            taking.found.is_ubuntu = true;
            taking.leave_out(
                place,
                &format!("FROM ubuntu:{tag}"),
                "the image stands on Debian, which calls a few packages otherwise",
            );
        }
        ("" | "alpine", "alpine") => {}
        ("vscode/devcontainers" | "devcontainers", "base") => {
            taking.found.suite = suite(tag);
            taking.found.is_ubuntu = tag.contains("ubuntu");
        }
        _ => return false,
    }
    true
}

fn python(taking: &mut Taking<'_>, (owner, name): (&str, &str), tag: &str, place: &str) -> bool {
    // Those of dev containers have their own version before Python's: `1-3.11-bookworm`.
    let is_dev = owner.ends_with("devcontainers") && name == "python";
    let is_uv = owner == "astral-sh" && name == "uv";
    let is_python = name == "python"
        && ["", "amd64", "arm64v8", "bitnami", "docker/library", "chainguard"].contains(&owner);
    if !(is_dev || is_python || is_uv && tag.starts_with("python") || owner == "tiangolo") {
        return false;
    }
    let version = tag.split('-').find_map(|part| minor(part.trim_start_matches("python")));
    let named = tag.split('-').find_map(|part| part.strip_prefix("python").and_then(minor));
    taking.found.suite = tag.split('-').skip(1).find_map(suite);
    taking.found.python = Some((named.or(version).unwrap_or_default(), place.to_owned()));
    if owner == "tiangolo" {
        taking.leave_out(
            place,
            &format!("FROM {owner}/{name}:{tag}"),
            "only its Python is taken over: name its server in `[pip] packages`, and start it by `cmd`",
        );
        taking.found.wheels.get_or_insert_with(|| place.to_owned());
    }
    true
}

fn conda(taking: &mut Taking<'_>, (owner, name): (&str, &str), tag: &str, place: &str) -> bool {
    let is_conda = matches!(
        (owner, name),
        ("continuumio" | "anaconda", "miniconda3" | "miniconda" | "anaconda3" | "anaconda")
            | ("condaforge", "miniforge3" | "mambaforge" | "linux-anvil-cos7-x86_64" | "mambaforge-pypy3")
            | ("mambaorg", "micromamba")
    ) || owner.ends_with("devcontainers") && ["miniconda", "anaconda"].contains(&name)
        || ["miniconda", "miniforge", "mambaforge", "micromamba"].iter().any(|word| name.starts_with(word));
    if is_conda {
        taking.found.conda.get_or_insert_with(|| place.to_owned());
        if name.contains("anaconda3") || name == "anaconda" {
            taking.leave_out(place, &format!("FROM {owner}/{name}:{tag}"), "its hundreds of packages are not taken over: name those that are needed in `[conda] packages`");
        }
        if ["continuumio", "anaconda"].contains(&owner) {
            taking.need_nothing(place, &format!("FROM {owner}/{name}"), "packages come from `conda-forge` where no channel is named, and not from Anaconda's `defaults`");
        }
        return true;
    }
    let is_notebook = owner.ends_with("jupyter") && name.ends_with("-notebook");
    if is_notebook {
        taking.found.conda.get_or_insert_with(|| place.to_owned());
        taking.draft.set_literal("jupyter", "true".to_owned(), place);
        if let Some(version) = tag.strip_prefix("python-").and_then(minor) {
            taking.found.python = Some((version, place.to_owned()));
        }
        if !["base-notebook", "minimal-notebook"].contains(&name) {
            taking.leave_out(place, &format!("FROM {owner}/{name}:{tag}"), "its packages beside Jupyter are not taken over: name those that are needed in `[conda] packages`");
        }
    }
    is_notebook
}

fn framework(taking: &mut Taking<'_>, (owner, name): (&str, &str), tag: &str, place: &str) -> bool {
    let from = format!("FROM {owner}/{name}:{tag}");
    match (owner, name) {
        ("nvidia", "cuda") => {
            if let Some(version) = minor(tag.split('-').next().unwrap_or_default()) {
                taking.draft.set("cuda", &version, place);
            }
            taking.found.is_ubuntu = tag.contains("ubuntu");
            let reason = match tag.contains("devel") {
                true => {
                    "CUDA's libraries come with the packages that need them; to compile with CUDA, add `cuda-nvcc` and its like to `[conda] packages`"
                }
                false => {
                    "CUDA's libraries come with the packages that need them, and the driver from the machine"
                }
            };
            taking.leave_out(place, &from, reason);
        }
        ("pytorch", "pytorch") => {
            let cuda = tag.split('-').find_map(|part| part.strip_prefix("cuda").and_then(minor));
            cuda.iter().for_each(|cuda| taking.draft.set("cuda", cuda, place));
            let version = minor(tag.split('-').next().unwrap_or_default());
            let package = version.map_or("pytorch".to_owned(), |version| format!("pytorch {version}.*"));
            taking.draft.add("conda.packages", &package, place);
            taking.found.conda.get_or_insert_with(|| place.to_owned());
        }
        ("tensorflow", "tensorflow") => {
            let version = minor(tag.split('-').next().unwrap_or_default());
            let package =
                version.map_or("tensorflow".to_owned(), |version| format!("tensorflow {version}.*"));
            taking.draft.add("conda.packages", &package, place);
            taking.found.conda.get_or_insert_with(|| place.to_owned());
            if tag.contains("jupyter") {
                taking.draft.set_literal("jupyter", "true".to_owned(), place);
            }
            if tag.contains("gpu") {
                taking.leave_out(
                    place,
                    &from,
                    "which CUDA it has is not known: `cuda = \"12.4\"` takes the build for GPUs",
                );
            }
        }
        ("nvidia", "pytorch" | "tensorflow" | "nemo" | "tritonserver" | "rapidsai") | ("rapidsai", _) => {
            taking.leave_out(place, &from, "NVIDIA's own builds are not to be had as packages: name the framework in `[conda] packages`, with `cuda`");
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_read() {
        for (image, repository, tag) in [
            ("python", "python", ""),
            ("docker.io/library/python:3.11-slim", "python", "3.11-slim"),
            ("localhost:5000/team/base", "team/base", ""),
            ("quay.io/jupyter/base-notebook:x@sha256:0", "jupyter/base-notebook", "x"),
        ] {
            assert_eq!(reference(image), Reference { repository, tag }, "{image}");
        }
    }
}
