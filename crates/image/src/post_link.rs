//! Post-link scripts of conda packages, run in the sandbox: what they change is a layer.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use imgbuild_archive::ImagePath;
use imgbuild_ecosystem::Execution;
use imgbuild_fetch::Context;
use imgbuild_layer::{
    EntryHead, EntrySink, Exclusions, Grouping, KeyHasher, LayerError, OwnedSink, Ownership, Part,
    RecipeHash, Role, SinkError, SourceError, WriteOptions,
};
use imgbuild_lock::{CondaPackage, CondaSet};
use imgbuild_oci::Platform;
use imgbuild_python::Target;
use imgbuild_runtime::Variables;
use imgbuild_sandbox::{
    Command, Ended, Input, Limits, Machine, Network, Output, SandboxError, User, Writable,
};
use imgbuild_store::LayerRecord;

use crate::bytecode_below::{keyed, over};
use crate::derived::{Derived, Foundation};
use crate::error::{MakeError, MakeFailure};
use crate::limits::{COMMAND_OUTPUT, COMMAND_PROCESSES, SCRIPT_SECONDS};
use crate::unpacked::{NamedLayer, remover, unpacked_layers};

/// What running the post-link scripts of packages changed.
pub(crate) const PACKAGE_CONFIGURATION: Role =
    Role { grouping: Grouping::Alone, ..Role::package("package-configuration", 70, 1) };

/// Changes whenever the same scripts would leave other bytes.
const METHOD: &str = "2";
/// Where scripts leave what an installer shows, below the prefix; it is no part of the environment.
const MESSAGES: &str = ".messages.txt";

/// The post-link scripts of an environment.
pub(crate) struct PostLink {
    part: Part,
    platform: Platform,
    prefix: ImagePath,
    root_prefix: ImagePath,
    ownership: Ownership,
    timestamp: i64,
    variables: Variables,
    packages: Vec<CondaPackage>,
    targets: Vec<Target>,
}

impl PostLink {
    /// The scripts of `packages`, which are run when all packages are there; nothing where there are none.
    pub(crate) fn new(
        set: &CondaSet,
        packages: Vec<CondaPackage>,
        platform: Platform,
        ownership: Ownership,
        timestamp: i64,
        image: &Foundation<'_>,
    ) -> Option<Self> {
        if packages.is_empty() {
            return None;
        }
        let owner = ownership.owner();
        let mut hasher = KeyHasher::new("post-link scripts")
            .field("method", METHOD)
            .field("platform", platform.to_string())
            .field("prefix", set.prefix.as_str())
            .field("owner", format!("{}:{} {:o}", owner.uid, owner.gid, ownership.folder_mode()))
            .field("timestamp", timestamp.to_string())
            .list("scripts", packages.iter().map(|package| package.url.as_str()))
            .list("variables", image.variables.values.iter().map(|(name, value)| format!("{name}={value}")));
        if let Some(root) = &set.root_prefix {
            hasher = hasher.field("root prefix", root.as_str());
        }
        hasher = image.key(hasher, |role| role < PACKAGE_CONFIGURATION);
        hasher = keyed(hasher, image.targets);
        let names: Vec<&str> = packages.iter().map(CondaPackage::name).collect();
        let part = Part {
            id: set.part("imgbuild", "post-link"),
            title: format!("post-link scripts of {}", names.join(", ")),
            recipe: RecipeHash(hasher.finish()),
            archive: None,
            role: PACKAGE_CONFIGURATION,
            weight: 0,
            root: None,
        };
        let (prefix, variables) = (set.prefix.clone(), image.variables.clone());
        let root_prefix = set.root_prefix.clone().unwrap_or_else(|| prefix.clone());
        let targets = image.targets.to_vec();
        Some(Self { part, platform, prefix, root_prefix, ownership, timestamp, variables, packages, targets })
    }

    fn failed(&self, error: SourceError) -> MakeError {
        let part = |error| -> MakeError {
            MakeFailure::Layer(Box::new(LayerError::Part { part: self.part.id.clone(), error })).into()
        };
        match error {
            SourceError::Archive(error) => match imgbuild_diagnostic::downcast::<SandboxError>(error) {
                Ok(error) => (*error).into(),
                Err(error) => part(SourceError::Archive(error)),
            },
            error => part(error),
        }
    }

    /// One script, as conda runs it.
    fn command(&self, package: &CondaPackage) -> Command {
        let prefix = self.prefix.to_string();
        let mut env: Vec<(String, String)> = self.variables.values.clone().into_iter().collect();
        let number = package.record.get("build_number").and_then(toml::Value::as_integer).unwrap_or(0);
        let own = [
            ("PREFIX", prefix.clone()),
            ("ROOT_PREFIX", self.root_prefix.to_string()),
            ("PKG_NAME", package.name().to_owned()),
            ("PKG_VERSION", package.version().to_owned()),
            ("PKG_BUILDNUM", number.to_string()),
            ("SOURCE_DATE_EPOCH", self.timestamp.to_string()),
            // What Python would leave beside its sources is there already, or not wanted.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("PYTHONHASHSEED", "0".to_owned()),
        ];
        for (name, value) in own {
            imgbuild_sandbox::set_variable(&mut env, name, &value);
        }
        Command {
            platform: self.platform,
            layers: Vec::new(),
            writable: Writable::Nothing,
            words: vec!["/bin/bash".to_owned(), format!("{prefix}/bin/.{}-post-link.sh", package.name())],
            env,
            folder: Some(self.prefix.clone()),
            user: User::Id { uid: 0, gid: Some(0) },
            mounts: Vec::new(),
            network: Network::None,
            published: Vec::new(),
            limits: Limits {
                time: Some(Duration::from_secs(SCRIPT_SECONDS)),
                processes: Some(COMMAND_PROCESSES),
                ..Limits::default()
            },
            input: Input::Nothing,
            output: Output::Keep(COMMAND_OUTPUT),
            until: None,
        }
    }
}

impl Derived for PostLink {
    fn part(&self) -> &Part {
        &self.part
    }

    fn stands_on(&self, role: Role) -> bool {
        role < PACKAGE_CONFIGURATION
    }

    fn execution(&self) -> Option<Execution> {
        let of = self.packages.iter().map(|package| package.name().to_owned()).collect();
        Some(Execution { what: "post-link scripts".to_owned(), of })
    }

    fn write(
        &self,
        lower: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<String, MakeError> {
        let machine = Machine::probe()?;
        machine.runs(self.platform)?;
        machine.has_owners()?;
        let named = |record: &LayerRecord| NamedLayer {
            descriptor: record.descriptor.clone(),
            diff_id: record.diff_id,
        };
        let named: Vec<NamedLayer> = lower.iter().map(named).collect();
        let layers = unpacked_layers(&context.store, &machine, &context.layers, &named)?;
        let scratch = context.store.scratch(remover())?;
        let upper = scratch.path("upper");
        for package in &self.packages {
            let mut command = self.command(package);
            command.layers.clone_from(&layers);
            command.writable = Writable::Folder(upper.clone());
            let ran = machine.run(&command)?;
            let fault = match ran.ended {
                Ended::Code(0) => continue,
                Ended::Code(code) => format!("failed with the exit code {code}"),
                Ended::Signal(signal) => format!("was ended by the signal {signal}"),
                Ended::TimedOut | Ended::Stopped => format!("ran longer than {SCRIPT_SECONDS} seconds"),
            };
            let outcome = format!("{fault}\n{}", imgbuild_sandbox::printed(&ran.output));
            return Err(MakeFailure::PostLink { package: package.name().to_owned(), outcome }.into());
        }
        let messages = self.prefix.join(MESSAGES)?;
        let text = Mutex::new(Vec::new());
        let emit = |left_out: &Exclusions, sink: &mut dyn EntrySink| {
            let cleaned = |path: &ImagePath| left_out.contains(path);
            let mut sink = OwnedSink { ownership: self.ownership, below: Some(&self.prefix), sink };
            let mut left = MessageSink { messages: &messages, text: Vec::new(), sink: &mut sink };
            let written = machine.difference(&upper, self.timestamp, &cleaned, &mut left);
            // It may be looked at more than once, and says the same each time.
            *text.lock().unwrap_or_else(PoisonError::into_inner) = left.text;
            written.map_err(SourceError::archive)
        };
        let written = over(lower, &self.targets, context, |overriding| overriding.write(&emit, sink));
        written.map_err(|error| self.failed(error))?;
        let text = text.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
    }
}

/// What the scripts left. It keeps what they want to be shown.
struct MessageSink<'a> {
    messages: &'a ImagePath,
    text: Vec<u8>,
    sink: &'a mut dyn EntrySink,
}

impl EntrySink for MessageSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if head.path == *self.messages {
            // A link or a folder of that name says nothing.
            let read = body.take(COMMAND_OUTPUT as u64).read_to_end(&mut self.text);
            read.map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
            return Ok(());
        }
        self.sink.put(head, body)
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}
