//! `imgbuild verify`.

use std::collections::BTreeSet;
use std::path::Path;

use imgbuild_build::{BuildError, Verification, VerifyError, difference, rebuilt, verify};
use imgbuild_distribution::{Signature, Told};
use imgbuild_fetch::Context;
use imgbuild_image::MakeError;
use imgbuild_lock::Lock;
use imgbuild_oci::Platform;
use imgbuild_provenance::Publisher;
use imgbuild_store::Store;
use serde_json::{Value, json};

use super::{context, context_in, host, print, print_json};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::progress::reporter;
use crate::trust_arguments::VerifyArguments;

pub(crate) async fn run(arguments: &VerifyArguments, global: &Global) -> Result<(), Failure> {
    let key = arguments.key.as_ref().map(|key| key.verifying_key()).transpose()?;
    let platform = arguments.platform.map_or_else(host, Ok)?;
    let spec = arguments.rebuild.as_deref();
    let context = context(spec.unwrap_or(Path::new("")), false, reporter(global))?;
    let verification = verify(&arguments.image, platform, key.as_ref(), &context).await?;
    if let Some(spec) = spec {
        rebuild(arguments, spec, &verification, &context, global).await?;
    }
    let hint = key.map(|key| key.hint());
    if arguments.json {
        return print_json(&as_json(arguments, &verification, platform, hint.as_deref()));
    }
    print(&lines(arguments, &verification, hint.as_deref()))
}

/// Builds it once more, in a store of its own: nothing of what was made before is taken over but archives, whose hashes the lock has.
async fn rebuild(
    arguments: &VerifyArguments,
    spec: &Path,
    verification: &Verification,
    context: &Context,
    global: &Global,
) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("rebuild-").tempdir_in(context.store.root().join("scratch"));
    let folder = folder.map_err(|error| Plain::Write { file: "the cache".to_owned(), error })?;
    let store = Store::open(folder.path()).map_err(Plain::from)?;
    if let Some(lock) = &verification.lock {
        lend(&lock.text, &context.store, &store)?;
    }
    let own = context_in(store, spec, false, reporter(global))?;
    let name = arguments.image.to_string();
    let made = rebuilt(&name, verification, spec, &own).await?;
    let found = tokio::task::block_in_place(|| difference(verification, &made, &own.layers))?;
    match found {
        None => Ok(()),
        Some(difference) => {
            let difference = Box::new(difference);
            Err(BuildError::from(VerifyError::Rebuilt { reference: name, difference }).into())
        }
    }
}

/// Lets a store have the archives of a lock that another one has. They are hashed before they are used.
fn lend(lock: &str, from: &Store, to: &Store) -> Result<(), Failure> {
    let lock = Lock::parse(lock).map_err(VerifyError::Lock).map_err(BuildError::from)?;
    for locked in lock.locked_variants().map_err(MakeError::from)? {
        for archive in locked.archives() {
            if let Some(path) = from.archive(&archive.sha256).map_err(Plain::from)? {
                // Where it cannot be shared it is got anew.
                let _lent = std::fs::hard_link(path, to.archive_path(&archive.sha256));
            }
        }
    }
    Ok(())
}

fn lines(arguments: &VerifyArguments, verification: &Verification, key: Option<&str>) -> String {
    let Verification { top, image, attested, lock, .. } = verification;
    let mut text = format!("{} is {top}\n", arguments.image);
    if top != image {
        text.push_str(&format!("image: {image}\n"));
    }
    if let Some(key) = key {
        let forms: Vec<String> = attested.signatures.iter().map(form).collect();
        text.push_str(&format!("signed: with the key {key}: {}\n", forms.join(", ")));
    }
    text.extend(attested.told.iter().map(told));
    match lock {
        Some(lock) => text.push_str(&format!("lock: {}\n", lock.digest)),
        None => {
            text.push_str("lock: none, it is no image of imgbuild, or others have laid something over it\n")
        }
    }
    if let Some(spec) = &arguments.rebuild {
        text.push_str(&format!("rebuilt: bit for bit the same, of {}\n", spec.display()));
    }
    text
}

fn form(signature: &Signature) -> String {
    match signature {
        Signature::Bundle(digest) => format!("bundle {digest}"),
        Signature::Tag(tag) => format!("tag {tag}"),
    }
}

fn told(told: &Told) -> String {
    let Told { provenance: it, is_signed } = told;
    let signed = if *is_signed { "signed" } else { "not signed" };
    let run = it.invocation.as_ref().map(|run| format!(", in {run}")).unwrap_or_default();
    let commit = it.commit.as_ref().map(|(commit, _)| format!(", of commit {commit}")).unwrap_or_default();
    let packages: BTreeSet<&String> = it.publishers.iter().map(|it| &it.package).collect();
    let publishers = match packages.len() {
        0 => String::new(),
        1 => "publishers: 1 package had attestations that held when the image was built\n".to_owned(),
        n => format!("publishers: {n} packages had attestations that held when the image was built\n"),
    };
    format!("provenance ({signed}): built by {}{run}{commit}\n{publishers}", it.builder)
}

fn as_json(
    arguments: &VerifyArguments,
    verification: &Verification,
    platform: Platform,
    key: Option<&str>,
) -> Value {
    let Verification { top, image, attested, lock, .. } = verification;
    let signature = |signature: &Signature| match signature {
        Signature::Bundle(digest) => json!({ "bundle": digest }),
        Signature::Tag(tag) => json!({ "tag": tag }),
    };
    let publisher = |it: &Publisher| {
        json!({
            "package": it.package,
            "predicateType": it.predicate_type,
            "issuer": it.issuer,
            "identity": it.identity,
            "repository": it.repository,
            "commit": it.commit,
        })
    };
    let told = |Told { provenance: it, is_signed }: &Told| {
        json!({
            "signed": is_signed,
            "builder": it.builder,
            "invocation": it.invocation,
            "imgbuild": it.version,
            "commit": it.commit.as_ref().map(|(commit, uri)| json!({ "id": commit, "uri": uri })),
            "lock": it.lock,
            "dependencies": it.dependencies,
            "publishers": it.publishers.iter().map(publisher).collect::<Vec<_>>(),
        })
    };
    json!({
        "reference": arguments.image.to_string(),
        "digest": top,
        "image": image,
        "platform": platform,
        "key": key,
        "signatures": attested.signatures.iter().map(signature).collect::<Vec<_>>(),
        "refused": attested.refused.iter().chain(&attested.doubted).map(|(what, why)| json!({
            "what": what, "why": why.to_string(),
        })).collect::<Vec<_>>(),
        "provenance": attested.told.iter().map(told).collect::<Vec<_>>(),
        "lock": lock.as_ref().map(|lock| lock.digest),
        "rebuilt": arguments.rebuild.is_some(),
    })
}
