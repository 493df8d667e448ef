//! What is taken from locks.

use imgbuild_environment::LockFormat;
use insta::assert_snapshot;

use crate::CondaPackages;
use crate::tests::locks::{A, CONDA_LOCK, M, pixi_5, pixi_6, pixi_7, spec, taken};
use crate::tests::variants_of;

#[test]
fn a_pixi_lock_of_each_version() {
    let old = |version| {
        let files = [("spec.toml", &*spec("\"pixi.lock\"")), ("pixi.lock", &*pixi_5(version))];
        taken(&variants_of(&files)[0])
    };
    assert_eq!(old(4), old(5));
    assert_snapshot!(old(5), @r#"
    Pixi https://conda.example/forge/
    https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda Some("abab") Some("md5:0123") Some(31)
    https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda Some("1234") None Some(12)
    "#);
    let files = [("spec.toml", &*spec("\"pixi.lock\"")), ("pixi.lock", &*pixi_6())];
    assert_snapshot!(taken(&variants_of(&files)[0]), @r#"
    Pixi https://conda.example/forge/
    https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda Some("abab") Some("md5:0123") Some(31)
    "#);
    let gpu = spec("{ file = \"other.lock\", environment = \"gpu\" }");
    let files = [("spec.toml", &*gpu), ("other.lock", &*pixi_6())];
    assert_snapshot!(taken(&variants_of(&files)[0]), @r#"
    Pixi https://conda.example/nvidia/
    https://conda.example/nvidia/noarch/cuda-version-12.4-0.conda Some("1234") None None
    "#);
    let old = spec("{ file = \"pixi.lock\", platform = \"linux-64-old\" }");
    let files = [("spec.toml", &*old), ("pixi.lock", &*pixi_7())];
    assert_snapshot!(taken(&variants_of(&files)[0]), @r#"
    Pixi https://conda.example/forge/
    https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda None Some("md5:0123") None
    "#);
}

#[test]
fn a_matrix_chooses_environments_of_one_lock() {
    let spec = "name = \"a\"\ntags = [\"{which}\"]\nenv = { file = \"pixi.lock\", environment = \"{which}\" }\n\
        [matrix]\nwhich = [\"default\", \"gpu\"]\n";
    let all = variants_of(&[("spec.toml", spec), ("pixi.lock", &pixi_6())]);
    assert_eq!(all.len(), 2);
    assert!(taken(&all[0]).contains("python-3.11.2") && taken(&all[1]).contains("cuda-version-12.4"));
    assert_ne!(all[0].inputs(), all[1].inputs());
}

#[test]
fn a_conda_lock_with_its_categories() {
    let files = |env: &str| variants_of(&[("spec.toml", &spec(env)), ("conda-lock.yml", CONDA_LOCK)]);
    assert_snapshot!(taken(&files("\"conda-lock.yml\"")[0]), @r#"
    CondaLock forge
    https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda Some("abab") Some("md5:0123") None
    https://conda.example/forge/noarch/black-24.1-0.conda None Some("md5:0000") None
    "#);
    let main = files("{ file = \"conda-lock.yml\", categories = [\"main\"] }");
    assert!(!taken(&main[0]).contains("black"));
    // The first versions wrote channels so.
    let old = CONDA_LOCK.replace("- url: forge\n    used_env_vars: []", "- forge");
    let old = variants_of(&[("spec.toml", &spec("\"conda-lock.yml\"")), ("conda-lock.yml", &old)]);
    assert_eq!(taken(&old[0]), taken(&files("\"conda-lock.yml\"")[0]));
    // The name may be another one.
    let other = variants_of(&[("spec.toml", &spec("\"linux.yml\"")), ("linux.yml", CONDA_LOCK)]);
    assert_eq!(taken(&other[0]), taken(&files("\"conda-lock.yml\"")[0]));
}

#[test]
fn an_export_is_known_by_builds_and_prefix() {
    let export = "name: science\nchannels:\n  - forge\n  - defaults\ndependencies:\n  - python=3.11.2=0_cpython\n  \
        - other::tzdata=2024a=h0_0\nprefix: /home/me/envs/science\nvariables:\n  A: b\n";
    let all = variants_of(&[("spec.toml", &spec("\"environment.yml\"")), ("environment.yml", export)]);
    assert_snapshot!(taken(&all[0]), @r#"
    Export forge defaults
    None python 3.11.2 0_cpython
    Some("other") tzdata 2024a h0_0
    "#);
    let conda = all[0].conda.as_ref().unwrap();
    assert_eq!(conda.environment_name.as_ref().unwrap().as_str(), "science");
    assert_eq!(conda.variables.len(), 1);
    // Without one of the two it is solved.
    for changed in [export.replace("prefix:", "# prefix:"), export.replace("=0_cpython", "")] {
        let all = variants_of(&[("spec.toml", &spec("\"environment.yml\"")), ("environment.yml", &changed)]);
        assert!(
            matches!(all[0].conda.as_ref().unwrap().packages, CondaPackages::Requirements(_)),
            "{changed}"
        );
    }
}

#[test]
fn only_what_is_taken_makes_a_lock_stale() {
    let inputs =
        |lock: &str| variants_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", lock)])[0].inputs();
    let before = inputs(&pixi_6());
    // Another environment, and what is not read, may change.
    let other = pixi_6()
        .replace("cuda-version-12.4", "cuda-version-12.5")
        .replace("size: 31", "size: 31\n  license: X");
    assert_eq!(inputs(&other), before);
    assert_ne!(inputs(&pixi_6().replace(A, &"cd".repeat(32))), before);
    assert_ne!(inputs(&pixi_6().replace("python-3.11.2-0_", "python-3.11.3-0_")), before);
}

#[test]
fn a_lock_of_a_large_project_is_read() {
    let mut lock =
        "version: 6\nenvironments:\n  default:\n    channels: []\n    packages:\n      linux-64:\n"
            .to_owned();
    let url = |number: usize| format!("https://conda.example/forge/noarch/package{number}-1.0-0.conda");
    for number in 0..3000 {
        lock.push_str(&format!("      - conda: {}\n", url(number)));
    }
    lock.push_str("packages:\n");
    for number in 0..20_000 {
        lock.push_str(&format!("- conda: {}\n  sha256: {A}\n  md5: {M}\n  depends:\n", url(number)));
        for depends in 0..4 {
            lock.push_str(&format!("  - package{depends} >=1.0,<2.0a0\n"));
        }
        lock.push_str("  license: MIT\n  size: 1000\n  timestamp: 1700000000000\n");
    }
    assert!(lock.len() > 4 << 20, "{}", lock.len());
    let all = variants_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", &lock)]);
    assert_eq!(taken(&all[0]).lines().count(), 3001);
    assert_eq!(LockFormat::Pixi.title(), "a lock of pixi");
}
