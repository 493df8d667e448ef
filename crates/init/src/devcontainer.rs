//! `devcontainer.json` ("Dev Container metadata reference").

use std::path::{Path, PathBuf};

use imgbuild_document::{DocumentError, Mistake, Problem, Source};
use serde_json::Value;

use crate::docker::{self, Build};
use crate::draft::Draft;
use crate::error::InitError;
use crate::folder::{Folder, below, relative};
use crate::reading::read;
use crate::secrets::{holds_secret, is_secret_name};
use crate::{jsonc, python};

/// Keys that say nothing of what the image holds.
const SAYS_NOTHING: [&str; 5] =
    ["name", "$schema", "overrideCommand", "shutdownAction", "updateRemoteUserUID"];

/// Commands that run once, when a container is made.
const MAKING: [&str; 3] = ["onCreateCommand", "updateContentCommand", "postCreateCommand"];

/// Takes over a dev container: its file, and the folder of the spec.
pub(crate) fn take(
    draft: &mut Draft,
    source: &Source,
    (file, folder): (&Path, &Path),
) -> Result<(), InitError> {
    let json = parsed(source)?;
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    if let Some(compose) = json.get("dockerComposeFile") {
        let compose = compose.as_str().or_else(|| compose.get(0)?.as_str()).unwrap_or("docker-compose.yml");
        return Err(InitError::Compose { file: source.name().to_owned(), compose: compose.to_owned() });
    }
    let building = json.get("build");
    let of_build = |key: &str| building.and_then(|build| build.get(key)).and_then(Value::as_str);
    let own = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut build = Build { scripts: scripts(&json), ..Build::default() };
    if let Some(dockerfile) = of_build("dockerfile").or(text("dockerFile")) {
        let context = of_build("context").or(text("context")).unwrap_or(".");
        let here = Folder::with_context(folder, &context_below(&own.join(context), folder));
        let arguments = building.and_then(|build| build.get("args")).and_then(Value::as_object);
        let known = |(name, value): (&String, &Value)| Some((name.clone(), plain(value)?));
        build.arguments = arguments.into_iter().flatten().filter_map(known).collect();
        build.target = of_build("target").map(str::to_owned);
        build.prefix = format!("{dockerfile}, ");
        let file = own.join(dockerfile);
        below(&file, folder).ok_or_else(|| InitError::not_below(&file, folder))?;
        docker::take(draft, &read(&file)?, &here, &build)?;
    } else if let Some(image) = text("image") {
        docker::take_image(draft, image, "`image`", &Folder::new(folder), &build);
    } else {
        return Err(InitError::Unknown { file: source.name().to_owned() });
    }
    features(draft, &json);
    editors(draft, &json);
    user(draft, &json);
    for key in ["containerEnv", "remoteEnv"] {
        variables(draft, &json, key);
    }
    others(draft, &json);
    if !draft.has("devcontainer.extensions") && !draft.has("devcontainer.forward-ports") {
        draft.set_literal("devcontainer", "true".to_owned(), "so that editors open it");
    }
    Ok(())
}

fn parsed(source: &Source) -> Result<Value, InitError> {
    let text = jsonc::plain(source.inner());
    serde_json::from_str(&text).map_err(|error| {
        let before: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let mut start = (before + error.column().saturating_sub(1)).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let mistake = Mistake::Value { message: format!("this is not valid JSON: {message}") };
        let problem = Problem::new(mistake).at(source, start..start, "here");
        DocumentError::new(source.name(), vec![problem]).into()
    })
}

/// The path of a folder below another one; that itself where it is not below.
fn context_below(folder: &Path, root: &Path) -> String {
    let whole = |path: &Path| -> Option<PathBuf> {
        if path.as_os_str().is_empty() { Path::new(".") } else { path }.canonicalize().ok()
    };
    let inside = whole(folder)
        .zip(whole(root))
        .and_then(|(folder, root)| Some(folder.strip_prefix(root).ok()?.to_owned()));
    inside.and_then(|path| relative(path.to_str()?)).unwrap_or_else(|| ".".to_owned())
}

/// A value as a text; nothing where an editor would put something into it.
fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(boolean) => boolean.to_string(),
        _ => return None,
    };
    (!text.contains("${")).then_some(text)
}

/// The commands that make the container, each with where it is written.
fn scripts(json: &Value) -> Vec<(String, String)> {
    let mut scripts = Vec::new();
    for key in MAKING {
        let all: Vec<&Value> = match json.get(key) {
            Some(Value::Object(parallel)) => parallel.values().collect(),
            Some(one) => vec![one],
            None => continue,
        };
        for one in all {
            let quoted =
                |word: &Value| word.as_str().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
            let script = match one {
                Value::Array(words) => words.iter().filter_map(quoted).collect::<Vec<_>>().join(" "),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            scripts.push((script, format!("`{key}`, ")));
        }
    }
    scripts
}

fn features(draft: &mut Draft, json: &Value) {
    let place = "`features`";
    for (name, options) in json.get("features").and_then(Value::as_object).into_iter().flatten() {
        let short = name.rsplit('/').next().unwrap_or(name).split([':', '@']).next().unwrap_or_default();
        let version = options.get("version").or(Some(options)).and_then(plain);
        match short {
            "python" => {
                let version = version.and_then(|version| python::minor(&version));
                let is_conda = draft.has("conda.packages") || draft.has("env");
                match version.filter(|_| is_conda) {
                    Some(version) => draft.set("python", &version, place),
                    None if is_conda => {}
                    None => python::set(
                        draft,
                        options.get("version").and_then(plain).and_then(|it| python::minor(&it)).as_deref(),
                        None,
                        place,
                    ),
                }
            }
            "conda" | "anaconda" | "miniforge" | "micromamba"
                if !draft.has("env") && !draft.has("python") =>
            {
                draft.set("python", python::USUAL, place);
            }
            "sshd" => draft.set_literal("ssh", "true".to_owned(), place),
            "nvidia-cuda" => {
                match options.get("cudaVersion").and_then(plain).and_then(|version| python::minor(&version)) {
                    Some(version) => draft.set("cuda", &version, place),
                    None => draft.leave_out(
                        place,
                        short,
                        "which CUDA it has is not known: `cuda = \"12.4\"` says one",
                    ),
                }
            }
            "git" | "git-lfs" => draft.add("base.packages", short, place),
            "common-utils" | "conda" | "anaconda" | "miniforge" | "micromamba" => {
                draft.need_nothing(place, name, "what it brings is there for a dev container");
            }
            _ => draft.leave_out(
                place,
                name,
                "features are scripts, and none runs: name the packages in `[base]`, `[conda]` or `[pip]`",
            ),
        }
    }
}

fn editors(draft: &mut Draft, json: &Value) {
    let code = json.get("customizations").and_then(|it| it.get("vscode"));
    let extensions = code.and_then(|code| code.get("extensions")).or(json.get("extensions"));
    for extension in extensions.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        match extension.strip_prefix('-') {
            Some(_) => {
                draft.leave_out("`extensions`", extension, "an extension is named, or it is not there")
            }
            None => draft.add("devcontainer.extensions", extension, "from `extensions`"),
        }
    }
    if code.and_then(|code| code.get("settings")).or(json.get("settings")).is_some() {
        draft.leave_out(
            "`settings`",
            "settings of the editor",
            "they belong into the project: `.vscode/settings.json`",
        );
    }
    let ports = ["forwardPorts", "appPort"].into_iter().filter_map(|key| json.get(key));
    let ports = ports.flat_map(|ports| ports.as_array().cloned().unwrap_or_else(|| vec![ports.clone()]));
    for port in ports {
        match port.as_u64().or_else(|| port.as_str()?.parse().ok()) {
            Some(port) => {
                draft.add_literal("devcontainer.forward-ports", port.to_string(), "from `forwardPorts`")
            }
            None => draft.leave_out(
                "`forwardPorts`",
                port.to_string(),
                "`forward-ports` has ports of this image alone, by number",
            ),
        }
    }
}

fn user(draft: &mut Draft, json: &Value) {
    let named =
        ["remoteUser", "containerUser"].into_iter().find_map(|key| Some((key, json.get(key)?.as_str()?)));
    let Some((key, user)) = named else { return };
    let place = format!("`{key}`");
    draft.left_out.retain(|it| it.what != "no `USER`");
    if user == "root" {
        draft.set("image.user", user, &place);
    } else if user.parse::<u32>().is_ok() {
        draft.set_literal("user.uid", user.to_owned(), &place);
    } else {
        draft.set("user.name", user, &place);
    }
}

fn variables(draft: &mut Draft, json: &Value, key: &str) {
    let place = format!("`{key}`");
    for (name, value) in json.get(key).and_then(Value::as_object).into_iter().flatten() {
        match plain(value) {
            _ if is_secret_name(name) || value.as_str().is_some_and(holds_secret) => {
                draft.leave_out(
                    &place,
                    format!("{name}=…"),
                    "a secret is not taken over: give it when a container starts",
                );
            }
            Some(value) if name != "PATH" => draft.set_named("image.env", name, &value, &place),
            _ => draft.leave_out(
                &place,
                format!("{name}=…"),
                "an editor puts its value in when the container starts",
            ),
        }
    }
}

/// Everything that is known to say nothing here, or not known.
fn others(draft: &mut Draft, json: &Value) {
    const TAKEN: [&str; 17] = [
        "image",
        "build",
        "dockerFile",
        "context",
        "features",
        "customizations",
        "extensions",
        "settings",
        "forwardPorts",
        "appPort",
        "containerEnv",
        "remoteEnv",
        "remoteUser",
        "containerUser",
        "onCreateCommand",
        "updateContentCommand",
        "postCreateCommand",
    ];
    for (key, value) in json.as_object().into_iter().flatten() {
        if TAKEN.contains(&key.as_str()) || SAYS_NOTHING.contains(&key.as_str()) {
            continue;
        }
        let reason = match key.as_str() {
            "mounts" | "workspaceMount" | "workspaceFolder" | "runArgs" | "hostRequirements" | "capAdd"
            | "privileged" | "securityOpt" | "init" => {
                "it is about how a container is run, and an image says nothing of that"
            }
            "postStartCommand" | "postAttachCommand" => {
                "it runs whenever a container starts: `cmd` in `[image]`, or a script that it names"
            }
            _ => "a spec has no place for it",
        };
        let shown = crate::secrets::without_secrets(&value.to_string(), &[]);
        let shown: String = shown.chars().take(crate::limits::MOST_REPEATED).collect();
        draft.leave_out(&format!("`{key}`"), shown, reason);
    }
}
