//! The record that an environment keeps of a package: whoever reads it reads what was put there.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use rattler_conda_types::PrefixRecord;
use serde::Deserialize;

use super::{Made, file, listed, written};
use crate::info::Damaged;

/// What Python's `json`, and so conda, reads of a record.
#[derive(Debug, PartialEq, Deserialize)]
struct Read {
    license: String,
    files: BTreeSet<String>,
    paths: BTreeSet<String>,
}

const READER: &str = r#"
import json, sys
record = json.loads(sys.stdin.buffer.read())
paths = [it["_path"] for it in record["paths_data"]["paths"]]
print(json.dumps({"license": record["license"], "files": record["files"], "paths": paths}))
"#;

fn read_by_python(text: &str) -> Read {
    let mut python = Command::new("python3");
    let python = python.args(["-I", "-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_read_back(
        license in "(?s)['\"\\\\$`\r\n\t#=\\[\\]{} a-c]{0,16}|[\u{0}-\u{ff}]{0,8}|.{0,8}",
        names in prop::collection::btree_set("['\"\\\\$`\r\n\t#=\\[\\]{} a-c]{1,9}|[\u{1}-\u{2e}\u{30}-\u{ff}]{1,8}|[^/\u{0}]{1,8}", 1..4),
    ) {
        let paths: BTreeSet<String> =
            names.iter().filter(|name| ![".", ".."].contains(&name.as_str())).map(|name| format!("share/{name}")).collect();
        prop_assume!(!paths.is_empty());
        let made = Made {
            license: Some(license.clone()),
            paths: paths.iter().map(|path| listed(path)).collect(),
            entries: paths.iter().map(|path| file(path, "x")).collect(),
            ..Made::default()
        };
        let scratch = tempfile::tempdir().unwrap();
        let (_, collected) = written(&made.write(scratch.path()), Damaged::Refused, &[]).unwrap();
        let (_, text) = collected.tree["conda-meta/odd-1.0-0.json"].split_once(' ').unwrap();
        let read = Read { license: license.clone(), files: paths.clone(), paths: paths.clone() };
        prop_assert_eq!(read_by_python(text), read);
        let record: PrefixRecord = serde_json::from_str(text).unwrap();
        let files: BTreeSet<String> = record.files.iter().map(|path| path.display().to_string()).collect();
        prop_assert_eq!(files, paths);
        prop_assert_eq!(record.repodata_record.package_record.license, Some(license));
    }
}
