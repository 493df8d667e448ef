//! What is known while a Dockerfile is taken over.

use imgbuild_dockerfile::{Command, DockerfileMistake, Instruction, Variables, Word, commands, words};
use imgbuild_spec::Suite;

use crate::docker::accounts::Users;
use crate::docker::copies::Copies;
use crate::draft::Draft;
use crate::folder::{Folder, absolute};
use crate::limits::MOST_REPEATED;
use crate::secrets::{holds_secret, is_secret_name, without_secrets};

/// What is known while a Dockerfile is taken over.
pub(crate) struct Taking<'a> {
    pub(crate) draft: &'a mut Draft,
    pub(crate) folder: &'a Folder,
    /// What stands before the number of a line, where lines of several files are told of.
    pub(crate) prefix: &'a str,
    pub(crate) escape: char,
    pub(crate) variables: Variables,
    /// Values that are not repeated.
    pub(crate) secrets: Vec<String>,
    pub(crate) workdir: String,
    pub(crate) copies: Copies,
    pub(crate) users: Users,
    pub(crate) found: Found,
    /// Whether the stage is one of which only files come into the image.
    pub(crate) is_builder: bool,
    /// What a container starts: `ENTRYPOINT` and `CMD`, each with its place.
    pub(crate) entrypoint: Option<(Vec<String>, String)>,
    pub(crate) cmd: Option<(Vec<String>, String)>,
}

/// What instructions have told so far of what the image stands on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The version of Python, and where it was told.
    pub(crate) python: Option<(String, String)>,
    pub(crate) suite: Option<Suite>,
    /// An image of a registry of which nothing else is known, and where it was told.
    pub(crate) image: Option<(String, String)>,
    /// Whether conda's packages are in it, and where that was told.
    pub(crate) conda: Option<String>,
    /// Whether wheels are, and where that was told.
    pub(crate) wheels: Option<String>,
    /// Whether Debian's own Python is.
    pub(crate) is_debians_python: bool,
    /// Whether its Debian packages are named as Ubuntu calls them.
    pub(crate) is_ubuntu: bool,
    /// Where an image begins whose containers run as root.
    pub(crate) root: Option<String>,
    /// Ports that it says it listens on.
    pub(crate) ports: Vec<(String, String)>,
}

impl Taking<'_> {
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}line {line}", self.prefix)
    }

    /// A text as it may be repeated: in one line, not long, without secrets.
    pub(crate) fn repeated(&self, text: &str) -> String {
        let text = without_secrets(&text.split_whitespace().collect::<Vec<_>>().join(" "), &self.secrets);
        match text.char_indices().nth(MOST_REPEATED) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    /// Says that a text is not taken over.
    pub(crate) fn leave_out(&mut self, place: &str, text: &str, reason: impl Into<String>) {
        let text = self.repeated(text);
        self.draft.leave_out(place, text, reason);
    }

    /// Says that a text needs nothing.
    pub(crate) fn need_nothing(&mut self, place: &str, text: &str, reason: &str) {
        let text = self.repeated(text);
        self.draft.need_nothing(place, text, reason);
    }

    /// The words of an instruction; nothing where they cannot be read, which is told.
    pub(crate) fn words(&mut self, instruction: &Instruction) -> Option<Vec<Word>> {
        let read = words(&instruction.text, self.escape, &self.variables);
        self.told(read, instruction.line, &instruction.text)
    }

    /// The commands of a script; nothing where they cannot be read, which is told.
    pub(crate) fn commands(&mut self, script: &str, line: usize) -> Option<Vec<Command>> {
        let read = commands(script, &self.variables);
        self.told(read, line, script)
    }

    fn told<T>(&mut self, read: Result<T, DockerfileMistake>, line: usize, text: &str) -> Option<T> {
        let place = self.place(line);
        read.map_err(|mistake| self.leave_out(&place, text, format!("it cannot be read: {mistake}"))).ok()
    }

    /// Sets a variable. A secret one is not known any more, and its value is not repeated.
    pub(crate) fn set_variable(&mut self, name: &str, value: Option<String>) {
        let is_secret = is_secret_name(name) || value.as_deref().is_some_and(holds_secret);
        match value {
            Some(value) if is_secret => {
                self.secrets.push(value);
                self.variables.set(name, None);
            }
            value => self.variables.set(name, value),
        }
    }

    /// The path below the spec's folder of what was copied to a path of the image.
    pub(crate) fn source(&self, path: &str) -> Option<String> {
        let mut sources = self.copies.sources(path).peekable();
        let first = sources.peek().cloned();
        sources.find(|source| self.folder.kind(source).is_some()).or(first)
    }

    /// A path in the image: relative ones are below the folder that is worked in.
    pub(crate) fn absolute(&self, path: &str) -> Option<String> {
        absolute(&self.workdir, path)
    }
}

/// Why a word is not known, where it is not.
pub(crate) fn unknown(word: &Word) -> Option<String> {
    let name = word.unknown.first()?;
    Some(match name.as_str() {
        "$(…)" => "what a command prints is not known without running it".to_owned(),
        name => format!("the value of `{name}` is not known here: write it into the spec"),
    })
}
