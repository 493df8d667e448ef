//! Projects that many use: what a name that no index has was probably meant to be. No index is scanned for that.

/// Their normalised names, sorted.
#[rustfmt::skip]
pub(crate) const USED: [&str; 334] = [
    "absl-py", "accelerate", "aiohttp", "aiosignal", "albumentations", "altair", "annotated-types",
    "anthropic", "anyio", "apache-beam", "argon2-cffi", "arrow", "asgiref", "astropy", "asyncpg", "attrs",
    "autograd", "azure-core", "azure-identity", "azure-storage-blob", "babel", "bcrypt", "beautifulsoup4",
    "biopython", "bitsandbytes", "black", "bleach", "blinker", "bokeh", "boto3", "botocore", "bottleneck",
    "bs4", "build", "cachetools", "catboost", "celery", "certifi", "cffi", "chardet", "charset-normalizer",
    "chromadb", "click", "cloudpickle", "colorama", "coloredlogs", "contourpy", "coverage", "cryptography",
    "cupy-cuda11x", "cupy-cuda12x", "cvxpy", "cycler", "cython", "dash", "dask", "datasets", "datashader",
    "deepspeed", "detectron2", "diffusers", "dill", "distributed", "django", "django-rest-framework",
    "djangorestframework", "docker", "docutils", "duckdb", "einops", "elasticsearch", "evaluate",
    "faiss-cpu", "faiss-gpu", "fastapi", "fastparquet", "filelock", "fiona", "flash-attn", "flask",
    "flask-cors", "flax", "fonttools", "frozenlist", "fsspec", "ftfy", "fuzzywuzzy", "gensim", "geopandas",
    "gevent", "gitpython", "google-api-core", "google-auth", "google-cloud-bigquery",
    "google-cloud-storage", "gradio", "graphviz", "greenlet", "grpcio", "grpcio-tools", "gunicorn", "gym",
    "gymnasium", "h5py", "hdbscan", "holoviews", "httpcore", "httptools", "httpx", "huggingface-hub",
    "hydra-core", "hypothesis", "idna", "imageio", "imbalanced-learn", "importlib-metadata", "iniconfig",
    "ipykernel", "ipython", "ipywidgets", "isort", "itsdangerous", "jax", "jaxlib", "jedi", "jinja2",
    "jmespath", "joblib", "jsonschema", "jupyter", "jupyter-client", "jupyter-core", "jupyterhub",
    "jupyterlab", "kafka-python", "keras", "kiwisolver", "kubernetes", "langchain", "langchain-community",
    "langchain-core", "langchain-openai", "lightgbm", "lightning", "llama-cpp-python", "llama-index",
    "llvmlite", "loguru", "lxml", "markdown", "markupsafe", "marshmallow", "matplotlib",
    "matplotlib-inline", "mkdocs", "mlflow", "mpi4py", "mpmath", "msgpack", "multidict", "mypy",
    "mysqlclient", "nbconvert", "nbformat", "netcdf4", "networkx", "ninja", "nltk", "notebook", "numba",
    "numcodecs", "numexpr", "numpy", "omegaconf", "onnx", "onnxruntime", "onnxruntime-gpu", "openai",
    "opencv-contrib-python", "opencv-python", "opencv-python-headless", "openpyxl", "optax", "optuna",
    "orjson", "packaging", "pandas", "paramiko", "parso", "patsy", "peft", "pillow", "pip", "platformdirs",
    "plotly", "plotnine", "pluggy", "poetry", "polars", "pre-commit", "prometheus-client", "prompt-toolkit",
    "protobuf", "psutil", "psycopg", "psycopg2", "psycopg2-binary", "pyarrow", "pyasn1", "pybind11",
    "pycocotools", "pycparser", "pydantic", "pydantic-core", "pydantic-settings", "pygments", "pyjwt",
    "pylint", "pymongo", "pymysql", "pynvml", "pyodbc", "pyopenssl", "pyparsing", "pyproj", "pyqt5",
    "pyserial", "pyspark", "pytest", "pytest-cov", "pytest-xdist", "python-dateutil", "python-dotenv",
    "python-multipart", "pytorch-lightning", "pytz", "pywavelets", "pyyaml", "pyzmq", "qdrant-client",
    "rapidfuzz", "rasterio", "ray", "redis", "regex", "requests", "requests-oauthlib", "rich", "ruff",
    "s3fs", "s3transfer", "sacrebleu", "safetensors", "scikit-image", "scikit-learn", "scikit-optimize",
    "scipy", "seaborn", "selenium", "sentence-transformers", "sentencepiece", "sentry-sdk", "setuptools",
    "shap", "shapely", "six", "sniffio", "snowflake-connector-python", "spacy", "sphinx", "sqlalchemy",
    "sqlmodel", "starlette", "statsmodels", "streamlit", "sympy", "tables", "tabulate", "tensorboard",
    "tensorboardx", "tensorflow", "tensorflow-cpu", "tensorflow-datasets", "tensorflow-gpu",
    "tensorflow-hub", "termcolor", "thinc", "threadpoolctl", "tifffile", "tiktoken", "timm", "tokenizers",
    "toml", "tomli", "toolz", "torch", "torchaudio", "torchmetrics", "torchtext", "torchvision", "tornado",
    "tox", "tqdm", "traitlets", "transformers", "triton", "trl", "typer", "typing-extensions", "tzdata",
    "ujson", "umap-learn", "urllib3", "uvicorn", "uvloop", "virtualenv", "vllm", "wandb", "watchdog",
    "watchfiles", "wcwidth", "websocket-client", "websockets", "werkzeug", "wheel", "wrapt", "xarray",
    "xformers", "xgboost", "xlrd", "xlsxwriter", "yarl", "zarr", "zipp",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_and_sorted() {
        assert!(USED.is_sorted());
        assert!(USED.iter().all(|name| crate::wheel::filename::normalized(name) == **name));
    }

    #[test]
    fn mistyped_names_are_known() {
        for (written, meant) in [
            ("nunpy", Some("numpy")),
            ("pandsa", Some("pandas")),
            ("scikit-lern", Some("scikit-learn")),
            ("tensorfow", Some("tensorflow")),
            ("reqeusts", Some("requests")),
            ("our-own-package", None),
        ] {
            assert_eq!(
                imgbuild_document::suggest::nearest(written, USED.iter().copied()),
                meant,
                "{written}"
            );
        }
    }
}
