//! What a build says of itself: whether it uses CUDA.

use rattler_conda_types::{MatchSpec, PackageName, PackageRecord};

use super::frameworks::LIBRARIES;

/// Whether a build uses CUDA: it requires CUDA's libraries or driver, another build that does, or it says so itself.
pub(super) fn uses_cuda(record: &PackageRecord) -> bool {
    let requires = |text: &String| {
        let Ok(spec) = crate::requirement::read(text) else { return false };
        let name = exact(&spec).unwrap_or_default();
        let library = LIBRARIES.iter().any(|library| name.starts_with(library));
        let build = spec.build.as_ref().is_some_and(|build| names_cuda(&build.to_string()));
        library || build || ["__cuda", "pytorch-cuda"].contains(&name)
    };
    let flagged = record.flags.iter().any(|flag| names_cuda(flag.as_str()));
    flagged || names_cuda(record.build.as_str()) || record.depends.iter().any(requires)
}

/// The words of a build string, such as `cuda118`, `py311` and `200`.
fn words(build: &str) -> impl Iterator<Item = &str> {
    build.split(['_', '-', '*', '.', ':']).filter(|word| !word.is_empty())
}

/// Whether a build string is that of a build for CUDA: `cuda118_py311_0`, `py3.11_cuda12.4_0`, `py311_cu124`, `gpu_0`.
fn names_cuda(build: &str) -> bool {
    let numbered = |word: &str| {
        let number = word.strip_prefix("cu").unwrap_or_default();
        number.len() > 1 && number.bytes().all(|it| it.is_ascii_digit())
    };
    let without = |word: &str| word.starts_with("nocuda") || word.starts_with("nogpu");
    words(build)
        .any(|word| !without(word) && (word.contains("cuda") || word.starts_with("gpu") || numbered(word)))
}

pub(super) fn names_processor(build: &str) -> bool {
    words(build).any(|word| ["cpu", "nocuda", "nogpu"].iter().any(|it| word.starts_with(it)))
}

/// How it is known of a build that it says itself what it is for.
pub(super) const SAYS_SO: &str = "its build says that it is for the processor alone";

/// Why a build does not use CUDA; nothing where it does, or where it is sources alone, which work with either.
pub(super) fn why(record: &PackageRecord) -> Option<&'static str> {
    if uses_cuda(record) {
        return None;
    }
    if names_processor(record.build.as_str()) || record.flags.iter().any(|it| names_processor(it.as_str())) {
        return Some(SAYS_SO);
    }
    record.noarch.is_none().then_some("it requires nothing of CUDA")
}

pub(super) fn exact(spec: &MatchSpec) -> Option<&str> {
    spec.name.as_exact().map(PackageName::as_normalized)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::tests::record;

    #[test]
    fn builds_that_use_cuda_as_each_channel_says_it() {
        for (text, depends) in [
            ("pytorch 2.6.0 cuda126_mkl_py311_h0_300", &[] as &[&str]),
            (
                "pytorch 2.5.1 py3.11_cuda12.4_cudnn9.1.0_0",
                &["pytorch-cuda >=12.4,<12.5", "pytorch-mutex 1.0 cuda"],
            ),
            ("pytorch 1.4.0 py3.7_0", &["cudatoolkit 10.1.*"]),
            ("torchvision 0.20.1 py311_cu124", &[]),
            ("tensorflow 2.4.1 gpu_py39h8236f22_0", &["_tflow_select 2.1.0 gpu"]),
            ("tensorflow 2.17.0 h1_0", &["tensorflow-base 2.17.0 cuda120py311h2_3"]),
            ("onnxruntime 1.20.1 py311h1_0_cuda", &[]),
            ("jaxlib 0.4.34 h1_200", &["cuda-version >=12.6,<13", "__cuda"]),
            ("faiss 1.8.0 py311cuda120h1_1_cuda", &["faiss-proc * cuda"]),
            ("lightgbm 4.5.0 h1_0", &["libcublas >=12"]),
            ("libxgboost 2.1.4 h1_0", &["_py-xgboost-mutex[version='2.0',build='gpu_0']"]),
        ] {
            assert!(uses_cuda(&record(text, depends).package_record), "{text}");
        }
        for (text, depends) in [
            ("pytorch 2.6.0 cpu_generic_py311_h0_0", &["libtorch 2.6.0 cpu_generic_h0_0"] as &[&str]),
            ("pytorch 2.5.1 py3.11_cpu_0", &["pytorch-mutex 1.0 cpu"]),
            ("tensorflow 2.4.1 mkl_py39h1_0", &["_tflow_select 2.3.0 mkl"]),
            ("jaxlib 0.4.34 cpu_py311_0", &["python >=3.11,<3.12.0a0"]),
            ("dgl 1.0 nocuda_py311_0", &[]),
            ("lightgbm 4.5.0 py311hcd0_0", &["numpy >=1.19"]),
        ] {
            assert!(!uses_cuda(&record(text, depends).package_record), "{text}");
        }
    }
}
