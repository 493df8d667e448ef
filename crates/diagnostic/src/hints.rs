//! What to do about an error, with all that stands below it.

use std::error::Error;

use miette::Diagnostic;

use crate::io::carried;

/// What stands before a hint in a text.
const MARK: &str = "hint: ";

/// What to do about an error: each hint once, those of its deepest cause first, for these know best what happened.
pub fn hints(error: &dyn Diagnostic) -> Vec<String> {
    let mut hints = Vec::new();
    gather(error, &mut hints);
    hints
}

/// The same in one text, a line for each, for an error that keeps no more of another one than its words.
pub fn hint(error: &dyn Diagnostic) -> Option<String> {
    let hints = hints(error);
    (!hints.is_empty()).then(|| hints.join("\n"))
}

/// The messages of an error and of its causes. A cause that only repeats what stands above it is passed over.
pub fn messages(error: &dyn Error) -> Vec<String> {
    let mut above = error.to_string();
    let mut all = vec![above.clone()];
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !above.contains(&message) {
            all.push(message.clone());
            above = message;
        }
        source = cause.source();
    }
    all
}

/// An error in one text: its messages and its hints, a line for each.
pub fn told(error: &dyn Diagnostic) -> String {
    let hints = hints(error).into_iter().map(|hint| format!("{MARK}{hint}"));
    messages(error).into_iter().chain(hints).collect::<Vec<_>>().join("\n")
}

fn gather(error: &dyn Diagnostic, hints: &mut Vec<String>) {
    if let Some(below) = error.diagnostic_source().or_else(|| carried(error)) {
        gather(below, hints);
    }
    let own = error.help().map(|help| help.to_string()).unwrap_or_default();
    for hint in own.lines().map(str::trim).filter(|hint| !hint.is_empty()) {
        if !hints.iter().any(|known| known == hint) {
            hints.push(hint.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{io_error, plain};

    #[derive(Debug, thiserror::Error, Diagnostic)]
    enum Below {
        #[error("the disk is full")]
        #[diagnostic(help("remove something"))]
        Full,
        #[error("nobody knows why")]
        Unknown,
        #[error("two things are wrong")]
        #[diagnostic(help("mend the one\nmend the other"))]
        Two,
    }

    crate::boxed_sources!(Below);

    #[derive(Debug, thiserror::Error, Diagnostic)]
    enum Middle {
        #[error(transparent)]
        #[diagnostic(transparent)]
        Below(#[from] Below),
        #[error("`{0}` cannot be written")]
        #[diagnostic(help("name another file"))]
        File(
            &'static str,
            #[source]
            #[diagnostic_source]
            Box<Below>,
        ),
        #[error("cannot write")]
        Write(#[source] io::Error),
        #[error(transparent)]
        Io(io::Error),
        #[error("cannot do {what}")]
        Any {
            what: &'static str,
            #[source]
            #[diagnostic_source]
            error: Box<dyn Diagnostic + Send + Sync>,
        },
    }

    #[derive(Debug, thiserror::Error, Diagnostic)]
    #[error("no image is made")]
    #[diagnostic(help("name another file"))]
    struct Above(
        #[from]
        #[diagnostic_source]
        Middle,
    );

    #[test]
    fn a_hint_of_its_own() {
        assert_eq!(hints(&Below::Full), ["remove something"]);
        assert_eq!(hints(&Below::Two), ["mend the one", "mend the other"]);
        assert_eq!(hint(&Below::Two).unwrap(), "mend the one\nmend the other");
        assert_eq!((hints(&Below::Unknown), hint(&Below::Unknown)), (vec![], None));
    }

    #[test]
    fn that_of_an_error_that_says_what_the_one_below_says() {
        assert_eq!(hints(&Middle::Below(Below::Full)), ["remove something"]);
    }

    #[test]
    fn those_of_causes_come_first_and_each_comes_once() {
        let middle = || Middle::File("a", Box::new(Below::Full));
        assert_eq!(hints(&middle()), ["remove something", "name another file"]);
        assert_eq!(hints(&Above(middle())), ["remove something", "name another file"]);
        assert_eq!(
            hints(&Above(Middle::Below(Below::Two))),
            ["mend the one", "mend the other", "name another file"]
        );
        let any = Middle::Any { what: "that", error: Box::new(middle()) };
        assert_eq!(hints(&any), ["remove something", "name another file"]);
    }

    #[test]
    fn that_of_an_error_in_one_of_the_standard_library() {
        let carried = || io_error(io::ErrorKind::StorageFull, Below::Full);
        assert_eq!(
            (carried().kind(), carried().to_string().as_str()),
            (io::ErrorKind::StorageFull, "the disk is full")
        );
        assert_eq!(hints(&Middle::Write(carried())), ["remove something"]);
        // Below a further one, which knows nothing of hints.
        assert_eq!(hints(&Middle::Write(io::Error::other(carried()))), ["remove something"]);
        assert_eq!(hints(&Middle::Write(io::Error::other("no space"))), Vec::<String>::new());
        // An error that says what the one below says, knows no more of it than its causes.
        assert_eq!(hints(&Middle::Io(carried())), ["remove something"]);
        assert_eq!(hints(plain(Middle::Io(carried())).as_ref()), ["remove something"]);
        assert_eq!(told(&Middle::Io(carried())), "the disk is full\nhint: remove something");
    }

    #[test]
    fn an_error_in_one_text() {
        let error = Above(Middle::File("a", Box::new(Below::Full)));
        assert_eq!(
            told(&error),
            "no image is made\n`a` cannot be written\nthe disk is full\nhint: remove something\nhint: name another file"
        );
        assert_eq!(
            told(&Middle::Write(io_error(io::ErrorKind::Other, Below::Unknown))),
            "cannot write\nnobody knows why"
        );
        assert_eq!(told(&Middle::Below(Below::Unknown)), "nobody knows why");
    }
}
