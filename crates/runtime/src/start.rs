//! How an image's programs are started.

use crate::Variables;

/// Where the program stands that activates the environment for the entrypoint.
pub const ACTIVATE: &str = "/usr/local/bin/imgbuild-activate";

/// The entrypoint and the command of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// What always runs.
    pub entrypoint: Vec<String>,
    /// What runs unless the user says otherwise.
    pub cmd: Vec<String>,
}

/// What an image stands on, as far as its start is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// Nothing.
    Scratch,
    /// Debian, with the packages that imgbuild adds.
    Debian,
    /// An image that is there.
    Image {
        /// What it starts.
        start: Start,
        /// A program that reaps and forwards signals as process 1.
        init: Option<String>,
        /// Its shell.
        shell: Option<String>,
    },
}

/// The entrypoint and command that an image has unless the spec names others. On Debian, `tini` is process 1: it reaps
/// and forwards signals. What variables cannot say is activated before the command runs, and before the entrypoint of an
/// image that has one.
pub fn start(ground: &Ground, variables: &Variables) -> Start {
    match ground {
        Ground::Scratch => Start::default(),
        Ground::Debian => on_debian(variables),
        Ground::Image { start, init, shell } => on_image(start, init.as_deref(), shell.as_deref(), variables),
    }
}

fn on_image(base: &Start, init: Option<&str>, shell: Option<&str>, variables: &Variables) -> Start {
    let shell = shell.filter(|_| base.entrypoint.is_empty() && base.cmd.is_empty());
    let cmd: Vec<String> = base.cmd.iter().cloned().chain(shell.map(str::to_owned)).collect();
    let mut entrypoint = Vec::new();
    // An entrypoint that is there sees to signals itself, or not: that is its image's.
    if let Some(init) = init.filter(|_| base.entrypoint.is_empty() && !cmd.is_empty()) {
        entrypoint.extend([init.to_owned(), "--".to_owned()]);
    }
    if !variables.dynamic.is_empty() {
        entrypoint.push(ACTIVATE.to_owned());
    }
    entrypoint.extend(base.entrypoint.iter().cloned());
    Start { entrypoint, cmd }
}

fn on_debian(variables: &Variables) -> Start {
    let mut entrypoint = vec!["/usr/bin/tini", "--"];
    if !variables.dynamic.is_empty() {
        entrypoint.push(ACTIVATE);
    }
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    Start { entrypoint: owned(entrypoint), cmd: owned(vec!["/bin/bash"]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// `ENTRYPOINT | CMD` of an image on one that starts these.
    fn on(entrypoint: &str, cmd: &str, init: Option<&str>, shell: Option<&str>, dynamic: bool) -> String {
        let base = Start { entrypoint: words(entrypoint), cmd: words(cmd) };
        let (init, shell) = (init.map(str::to_owned), shell.map(str::to_owned));
        let script = ("gcc".to_owned(), "etc/conda/activate.d/gcc.sh".to_owned());
        let dynamic = if dynamic { vec![script] } else { vec![] };
        let variables = Variables { dynamic, ..Variables::default() };
        let start = start(&Ground::Image { start: base, init, shell }, &variables);
        format!("{} | {}", start.entrypoint.join(" "), start.cmd.join(" ")).trim().to_owned()
    }

    #[test]
    fn an_image_goes_on_starting_what_its_base_starts() {
        let (tini, bash) = (Some("/usr/bin/tini"), Some("/bin/bash"));
        assert_eq!(on("", "python3", tini, bash, false), "/usr/bin/tini -- | python3");
        assert_eq!(on("", "python3", None, bash, false), "| python3");
        assert_eq!(on("", "", tini, bash, false), "/usr/bin/tini -- | /bin/bash");
        assert_eq!(on("/serve", "--port 1", tini, bash, false), "/serve | --port 1");
        assert_eq!(on("/serve", "", tini, bash, false), "/serve |");
        assert_eq!(on("", "", tini, None, false), "|");
    }

    #[test]
    fn the_environment_is_activated_before_the_bases_entrypoint() {
        assert_eq!(on("/serve", "x", None, None, true), format!("{ACTIVATE} /serve | x"));
        let bash = Some("/bin/bash");
        assert_eq!(on("", "", Some("/tini"), bash, true), format!("/tini -- {ACTIVATE} | /bin/bash"));
    }
}
