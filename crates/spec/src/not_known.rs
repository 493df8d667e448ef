//! What people look for in the language and it has not: a spec that uses it is not mistyped.

use imgbuild_document::DecodeError;

/// Keys that people look for, and that must not be in a spec: it is read by many, and the image is given to more.
const SECRETS: &[&str] =
    &["jupyter.password", "jupyter.token", "ssh.password", "ssh.passwords", "user.password"];

const NO_PASSWORD: &str = "no password is ever in an image: Jupyter is given `JUPYTER_TOKEN` or a hashed `JUPYTER_PASSWORD` when it starts, and makes a token else; SSH takes keys alone";

/// Says of such a key why it is not known.
pub(crate) fn told(error: DecodeError) -> DecodeError {
    let key = error.place().filter(|_| error.is_unknown_key()).map(|(_, path)| without_indices(path));
    if key.is_some_and(|key| SECRETS.contains(&key.as_str())) { error.hint(NO_PASSWORD) } else { error }
}

/// `copy[0].form` is the key `copy.form`.
fn without_indices(path: &str) -> String {
    let mut depth = 0;
    let keep = |character: &char| {
        depth += i32::from(*character == '[');
        let outside = depth == 0;
        depth -= i32::from(*character == ']');
        outside
    };
    path.chars().filter(keep).collect()
}
