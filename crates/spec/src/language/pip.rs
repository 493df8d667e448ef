//! `[pip]`.

use std::fmt;

use imgbuild_document::Located;
use imgbuild_requirement::{PipUrl, ProjectName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::values::TorchBackend;

/// Wheels, beside the packages of conda or with Debian's Python alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PipTable {
    /// Requirements, as pip reads them: names with versions, extras and markers, URLs, repositories of git, and paths of
    /// wheels or of projects, which `-e` may stand before.
    ///
    /// What a project's folder holds is looked at when the spec is locked: another content of it alone makes no lock stale.
    #[schemars(extend("examples" = [["transformers >=4.40", "tool @ git+https://git.example/tool@v1", "-e ./local-project"]]), extend("default" = []))]
    pub(crate) packages: Option<Vec<Located<String>>>,
    /// A requirements file, or several of them; or a `pylock.toml` (also `pylock.NAME.toml`) or a `uv.lock`,
    /// which is taken as it is.
    ///
    /// In a file with hashes, each requirement must name one version and have a hash, and nothing else is installed.
    #[schemars(extend("examples" = ["requirements.txt"]), extend("default" = []))]
    pub(crate) requirements: Option<Located<FilesKey>>,
    /// The extras of the project whose `uv.lock` or `pylock.toml` is taken.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["cuda"]]), extend("default" = []))]
    pub(crate) extras: Option<Located<Vec<Located<ProjectName>>>>,
    /// Its groups of dependencies, in the place of those that it has by default: for a `uv.lock` those that `uv sync` takes
    /// (`[tool.uv] default-groups` of the `pyproject.toml` beside it, else `dev`), for a `pylock.toml` those that it names itself.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["serving"]]))]
    pub(crate) groups: Option<Located<Vec<Located<ProjectName>>>>,
    /// A file, or several of them, of the versions that packages must have if they are needed at all.
    #[schemars(extend("examples" = ["constraints.txt"]), extend("default" = []))]
    pub(crate) constraints: Option<Located<FilesKey>>,
    /// The index that is asked, in the place of the one that files name, and of the machine's own.
    ///
    /// A user and password in it are used, and never shown or locked; `${{NAME}}` stands for a variable of the environment.
    #[schemars(extend("examples" = ["https://index.example/simple"]))]
    pub(crate) index_url: Option<Located<PipUrl>>,
    /// Further indexes, behind which come those that files name.
    #[schemars(extend("examples" = [["https://wheels.example/simple"]]), extend("default" = []))]
    pub(crate) extra_index_urls: Option<Vec<Located<PipUrl>>>,
    /// Which of PyTorch's own indexes PyTorch's wheels come from: that of a CUDA (`cu129`) or of the processor (`cpu`), `none`,
    /// which asks no index but those of the spec and the machine, or `auto`: with `cuda`, the newest one that it can use, unless
    /// an index of your own has PyTorch; without, none.
    #[schemars(with = "Option<TorchBackend>", extend("examples" = ["cu129"]), extend("default" = "auto"))]
    pub(crate) torch_backend: Option<Located<TorchBackend>>,
    /// Mirrors of indexes that nobody else can name.
    #[serde(default)]
    pub(crate) mirrors: PipMirrors,
    /// Projects that may be built from source, or `true` for all of them: archives of sources, folders and repositories of
    /// git. They are built in the sandbox.
    #[schemars(extend("examples" = [["local-project"]]), extend("default" = false))]
    pub(crate) allow_builds: Option<AllowBuildsKey>,
    /// Whether the virtual environment belongs to the image's user, so that pip can change it from inside; `pip` is then among its
    /// wheels. Without it what a user installs goes into a folder of the home.
    ///
    /// Wheels beside conda's packages are in conda's environment: see `[conda] writable`.
    #[schemars(extend("default" = false))]
    pub(crate) writable: Option<Located<bool>>,
}

/// Mirrors of indexes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PipMirrors {
    /// Of `https://download.pytorch.org/whl`: the URL below which the indexes `cu129` and so on are.
    #[schemars(extend("examples" = ["https://mirror.example/pytorch/whl"]))]
    pub(crate) pytorch: Option<Located<PipUrl>>,
}

/// A path, or several.
#[derive(Debug, Clone)]
pub(crate) enum FilesKey {
    One(String),
    Many(Vec<Located<String>>),
}

/// Names, or whether all are meant.
#[derive(Debug, Clone)]
pub(crate) enum AllowBuildsKey {
    All(bool),
    Named(Vec<Located<ProjectName>>),
}

impl<'de> Deserialize<'de> for FilesKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Files;

        impl<'de> Visitor<'de> for Files {
            type Value = FilesKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or a list of paths")
            }

            fn visit_str<E>(self, path: &str) -> Result<FilesKey, E> {
                Ok(FilesKey::One(path.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<FilesKey, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(FilesKey::Many)
            }
        }

        deserializer.deserialize_any(Files)
    }
}

impl<'de> Deserialize<'de> for AllowBuildsKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Builds;

        impl<'de> Visitor<'de> for Builds {
            type Value = AllowBuildsKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names or `true`")
            }

            fn visit_bool<E>(self, all: bool) -> Result<AllowBuildsKey, E> {
                Ok(AllowBuildsKey::All(all))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<AllowBuildsKey, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(AllowBuildsKey::Named)
            }
        }

        deserializer.deserialize_any(Builds)
    }
}

impl JsonSchema for FilesKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Files".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

impl JsonSchema for AllowBuildsKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AllowBuilds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "boolean" }] })
    }
}
