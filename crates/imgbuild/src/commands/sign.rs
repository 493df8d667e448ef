//! `imgbuild sign`.

use std::path::Path;

use imgbuild_distribution::sign;
use serde_json::json;

use super::{context, print, print_json};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::progress::reporter;
use crate::trust_arguments::SignArguments;

pub(crate) async fn run(arguments: &SignArguments, global: &Global) -> Result<(), Failure> {
    let key = arguments.key.signing_key()?;
    let context = context(Path::new(""), false, reporter(global))?;
    let signed = sign(&arguments.image, &key, &context).await?;
    let (name, hint) = (arguments.image.to_string(), key.verifying_key().hint());
    if arguments.json {
        return print_json(&json!({ "reference": name, "signed": signed, "key": hint }));
    }
    let line = |digest| format!("{digest} is signed with the key {hint}\n");
    print(&signed.iter().map(line).collect::<String>())
}
