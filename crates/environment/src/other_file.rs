//! Files that are often named, and are none that an environment is read from.

/// What makes a file that can be named out of one of another tool, by its name.
pub(crate) fn hint(name: &str) -> Option<String> {
    let into = |command: &str| format!("`{command}` writes what it says into `requirements.txt`: name that");
    Some(match name {
        "poetry.lock" => into("poetry export --output requirements.txt"),
        "pdm.lock" => into("pdm export --no-self --output requirements.txt"),
        "Pipfile" | "Pipfile.lock" => into("pipenv requirements > requirements.txt"),
        "pyproject.toml" | "setup.py" | "setup.cfg" => {
            let other = "`packages = [\".\"]` in `[pip]`, with `allow-builds`, takes the project itself";
            let command = format!("uv pip compile {name} --output-file requirements.txt");
            format!("{}; {other}", into(&command))
        }
        "pixi.toml" | "mojoproject.toml" => "`pixi lock` writes `pixi.lock`: name that".to_owned(),
        "conda.yaml" | "meta.yaml" | "recipe.yaml" => {
            "a recipe says how one package is built: list what the image needs in an environment file"
                .to_owned()
        }
        "Dockerfile" | "Containerfile" => {
            "what it installs belongs into `[conda]`, `[pip]` and `[base] packages`".to_owned()
        }
        _ => return None,
    })
}
