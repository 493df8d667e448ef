//! A Dockerfile: its stages.

use imgbuild_document::{DocumentError, Problem, Source};

use crate::instruction::Instruction;
use crate::lines::{read, span};
use crate::mistake::DockerfileMistake;

/// A Dockerfile, whose instructions are all known ones.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    /// The `ARG`s before the first stage.
    pub arguments: Vec<Instruction>,
    /// The stages in their order. There is at least one.
    pub stages: Vec<Stage>,
    /// The character that makes lines go on.
    pub escape: char,
}

/// A stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its `FROM`.
    pub from: Instruction,
    /// What it begins with, as it is written: an image, or the name of an earlier stage.
    pub image: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its instructions.
    pub instructions: Vec<Instruction>,
}

impl Dockerfile {
    /// Reads a Dockerfile.
    ///
    /// # Errors
    ///
    /// When it is none: all mistakes at once.
    pub fn read(source: &Source) -> Result<Self, DocumentError> {
        let reading = read(source);
        let wrong = |problems| Err(DocumentError::new(source.name(), problems));
        if !reading.instructions.iter().any(|it| it.keyword == "FROM") {
            // Each of its words would be a mistake.
            let problem = Problem::new(DockerfileMistake::None { file: source.name().to_owned() });
            return wrong(vec![
                problem.hint("each Dockerfile says what it begins with, such as `FROM python:3.11`"),
            ]);
        }
        let mut problems = reading.problems;
        let mut dockerfile = Self { arguments: Vec::new(), stages: Vec::new(), escape: reading.escape };
        for instruction in reading.instructions {
            let place = span(source, instruction.line);
            let problem = |mistake| Problem::new(mistake).at(source, place.clone(), "here");
            match (instruction.keyword.as_str(), dockerfile.stages.last_mut()) {
                ("FROM", _) => match stage(instruction) {
                    Ok(stage) => dockerfile.stages.push(stage),
                    Err(arguments) => problems.push(
                        problem(DockerfileMistake::From { arguments })
                            .hint("write `FROM IMAGE`, or `FROM IMAGE AS NAME`"),
                    ),
                },
                ("ARG", None) => dockerfile.arguments.push(instruction),
                (_, None) => {
                    let keyword = instruction.keyword;
                    let told = problem(DockerfileMistake::BeforeFrom { keyword });
                    problems.push(told.hint("only `ARG` may stand there"));
                }
                (_, Some(stage)) => stage.instructions.push(instruction),
            }
        }
        if problems.is_empty() { Ok(dockerfile) } else { wrong(problems) }
    }

    /// The stage that another one begins with or copies from, of those before `before`: by its name, or its number.
    pub fn stage(&self, name: &str, before: usize) -> Option<usize> {
        let earlier = &self.stages[..before.min(self.stages.len())];
        let is_it = |stage: &Stage| stage.name.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(name));
        let by_number = || name.parse().ok().filter(|number| *number < earlier.len());
        earlier.iter().rposition(is_it).or_else(by_number)
    }
}

/// The stage that a `FROM` begins. The error is what stands behind it.
fn stage(from: Instruction) -> Result<Stage, String> {
    let words: Vec<&str> = from.text.split_whitespace().collect();
    let (image, name) = match words.as_slice() {
        [image] => (*image, None),
        [image, word, name] if word.eq_ignore_ascii_case("as") => (*image, Some((*name).to_owned())),
        _ => return Err(from.text.clone()),
    };
    Ok(Stage { image: image.to_owned(), name, instructions: Vec::new(), from })
}

#[cfg(test)]
mod tests {
    use imgbuild_document::source;

    use super::*;

    fn wrong(text: &str) -> String {
        let error = Dockerfile::read(&source("Dockerfile", text.to_owned())).unwrap_err();
        error.each().map(|error| imgbuild_diagnostic::told(&error) + "\n").collect()
    }

    #[test]
    fn stages_are_known_by_their_names_and_numbers() {
        let text = "ARG V=1\nFROM a:$V AS Build\nRUN x\nFROM build\nCOPY --from=build /x /x\nFROM scratch\n";
        let found = Dockerfile::read(&source("Dockerfile", text.to_owned())).unwrap();
        assert_eq!((found.arguments.len(), found.stages.len()), (1, 3));
        assert_eq!((found.stage("BUILD", 1), found.stage("build", 0)), (Some(0), None));
        assert_eq!(
            (found.stage("1", 2), found.stage("2", 2), found.stage("debian", 2)),
            (Some(1), None, None)
        );
    }

    #[test]
    fn what_is_no_dockerfile_is_told_in_one_sentence() {
        for other in ["", "# a comment\n", "version: 3\nservices:\n  a: {}\n", "Dear reader,\nhow are you?\n"]
        {
            insta::allow_duplicates! {
                insta::assert_snapshot!(wrong(other), @"
                `Dockerfile` is no Dockerfile: it has no `FROM`
                hint: each Dockerfile says what it begins with, such as `FROM python:3.11`
                ");
            }
        }
    }

    #[test]
    fn every_mistake_is_told_with_what_to_do() {
        let text = "RUN a\nFROM a as b c\nFROM a\nRUM b\nCOPY\n-y git\nRUN <<EOF\nx\n";
        insta::assert_snapshot!(wrong(text), @r"
        `RUM` is no instruction of a Dockerfile
        hint: did you mean `RUN`?
        `COPY` stands without arguments
        `-y` is no instruction of a Dockerfile
        hint: a line goes on where it ends with `\`, and nothing stands behind that
        the heredoc `EOF` has no end
        hint: end it by a line that is `EOF` alone
        `RUN` stands before the first `FROM`
        hint: only `ARG` may stand there
        `FROM a as b c` does not name one image
        hint: write `FROM IMAGE`, or `FROM IMAGE AS NAME`
        ");
    }
}
