//! The lines of a spec that an error about wheels points to.

#![expect(clippy::unwrap_used, reason = "these are tests, with functions that they share")]

use std::fs;

use imgbuild_image::{MakeError, WheelsFailure, pypi_error};
use imgbuild_oci::Platform;
use imgbuild_pypi::{Holder, LockingError};
use imgbuild_spec::{Spec, Variant};

const SPEC: &str = "name = \"x\"\npython = \"3.11\"\n[conda]\npackages = [\"numpy\", \"numpy >=1.20\", \"scipy\"]\n[pip]\npackages = [\"flask\", \"jinja2\"]\nconstraints = [\"c.txt\"]\n";

fn variant() -> Variant {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.toml");
    fs::write(&path, SPEC).unwrap();
    fs::write(folder.path().join("c.txt"), "werkzeug<2\njinja2<2\nclick<7\n").unwrap();
    Spec::load(&path).unwrap().variants(Platform::LinuxAmd64).unwrap().remove(0)
}

/// The file's name and the line of each place, with what is said of it.
fn places(variant: &Variant, error: LockingError) -> Vec<String> {
    let MakeError::Wheels(WheelsFailure::Pypi { asked, .. }) =
        pypi_error(variant, variant.pip.as_ref(), error)
    else {
        unreachable!("it is about wheels")
    };
    let place = |origin: &imgbuild_document::Origin| {
        let file = origin.file().rsplit('/').next().unwrap_or_default().to_owned();
        format!("{file}:{} {}", origin.line(), origin.text())
    };
    asked.iter().map(|snippet| format!("{}: {snippet}", place(snippet.origin()))).collect()
}

#[test]
fn an_error_points_to_what_it_is_about_in_the_order_in_which_it_speaks_of_it() {
    let variant = variant();
    let conflict = LockingError::Conflict {
        requirement: Some(1),
        wanted: "".into(),
        holder: Box::new(Holder::Conda("numpy 2.0.2 0".to_owned())),
        provided: "".into(),
        explanation: None,
        constraint: Some(1),
        hints: Box::default(),
    };
    assert_eq!(
        places(&variant, conflict),
        [
            "spec.toml:6 \"jinja2\": it was asked for here",
            "c.txt:2 jinja2<2: a limit is set here",
            "spec.toml:4 \"numpy\": conda was asked for it here",
        ]
    );
    let unsatisfiable = LockingError::Unsatisfiable {
        requirement: None,
        target: String::new(),
        explanation: String::new(),
        constraints: vec![2, 0],
        hint: None,
    };
    assert_eq!(
        places(&variant, unsatisfiable),
        ["c.txt:3 click<7: a limit is set here", "c.txt:1 werkzeug<2: a limit is set here"]
    );
}
