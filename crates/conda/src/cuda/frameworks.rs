//! The frameworks that come in builds for CUDA and in others, and CUDA's own libraries.

/// A framework that comes in builds for the processor alone and in builds for CUDA.
pub(super) struct Framework {
    /// The packages whose builds differ. The others of the framework require one build of these.
    pub(super) packages: &'static [&'static str],
    /// What else people write when they mean it, and what chooses between the builds.
    pub(super) names: &'static [&'static str],
    /// What people write who want it for the processor, beside `NAME-cpu`.
    processor: &'static [&'static str],
    /// Whether it is a mistake also where only another package requires it, or no channel has it for CUDA.
    pub(super) always: bool,
}

impl Framework {
    const fn new(packages: &'static [&'static str], names: &'static [&'static str]) -> Self {
        Self { packages, names, processor: &[], always: false }
    }

    /// Whether this is one of its names.
    pub(super) fn is(&self, name: &str) -> bool {
        self.packages.contains(&name) || self.names.contains(&name)
    }

    /// Whether who names this wants it for the processor.
    pub(super) fn is_for_processor(&self, name: &str) -> bool {
        self.processor.contains(&name) || name.strip_suffix("-cpu").is_some_and(|name| self.is(name))
    }
}

pub(super) const FRAMEWORKS: [Framework; 18] = [
    Framework {
        packages: &["pytorch", "libtorch"],
        names: &["pytorch-mutex"],
        processor: &["cpuonly"],
        always: true,
    },
    Framework {
        packages: &["tensorflow", "tensorflow-base", "libtensorflow", "libtensorflow_cc"],
        names: &["_tflow_select"],
        processor: &["tensorflow-mkl", "tensorflow-eigen"],
        always: true,
    },
    Framework { always: true, ..Framework::new(&["jaxlib"], &["jax"]) },
    Framework::new(&["cupy", "cupy-core"], &[]),
    Framework::new(&["onnxruntime", "onnxruntime-cpp"], &[]),
    Framework::new(&["lightgbm", "liblightgbm"], &[]),
    Framework::new(&["libxgboost", "py-xgboost"], &["xgboost", "_py-xgboost-mutex"]),
    Framework::new(&["faiss", "libfaiss"], &["faiss-proc"]),
    Framework::new(&["mxnet", "libmxnet"], &["mxnet-proc"]),
    Framework::new(&["dgl", "libdgl"], &[]),
    Framework::new(&["ctranslate2", "libctranslate2"], &[]),
    Framework::new(&["llama.cpp"], &["llama-cpp-python"]),
    Framework::new(&["bitsandbytes"], &[]),
    Framework::new(&["paddlepaddle"], &[]),
    Framework::new(&["catboost"], &[]),
    Framework::new(&["deepspeed"], &[]),
    Framework::new(&["vllm"], &[]),
    Framework::new(&["thundersvm"], &[]),
];

/// Names with which the packages of CUDA's libraries begin.
pub(crate) const LIBRARIES: [&str; 17] = [
    "cuda",
    "cudnn",
    "cusparselt",
    "cutensor",
    "libcublas",
    "libcudss",
    "libcufft",
    "libcufile",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libnpp",
    "libnvfatbin",
    "libnvjitlink",
    "libnvjpeg",
    "libnvvm",
    "nccl",
];
