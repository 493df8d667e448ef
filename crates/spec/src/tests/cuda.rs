//! `cuda`: what it means, and what cannot be together.

use insta::assert_snapshot;

use crate::tests::{message, message_of, variants};
use crate::{Cuda, Duplicates, Toolkit, TorchBackend};

fn cuda(value: &str) -> Cuda {
    let all = variants(&format!("name = \"a\"\npython = \"3.11\"\ncuda = {value}\n"));
    all[0].cuda.clone().unwrap()
}

fn refused(value: &str) -> String {
    message(&format!("name = \"a\"\npython = \"3.11\"\ncuda = {value}\n"))
}

#[test]
fn a_version_alone_is_for_all_drivers_of_its_major_version() {
    let short = cuda("\"12.9\"");
    assert_eq!((short.driver.as_str(), short.supported().as_str()), ("525.60.13", "12.0"));
    assert_eq!(short.requirement(), "cuda>=12.0");
    assert_eq!((short.toolkit, short.duplicates), (Toolkit::None, Duplicates::Report));
    assert_eq!((short.visible_devices.as_str(), short.compat), ("all", false));
    assert!(short.arch.is_empty() && short.packages().is_empty());
    let of = |version: &str| (cuda(version).driver.to_string(), cuda(version).supported());
    assert_eq!(of("11.8"), ("450.80.02".to_owned(), "11.0".to_owned()));
    assert_eq!(of("13.0"), ("580".to_owned(), "13.0".to_owned()));
    assert_eq!(of("10.2"), ("440".to_owned(), "10.2".to_owned()));
    assert_eq!(cuda("10.2").requirement(), "cuda>=10.2");
}

#[test]
fn a_table_keeps_toolkit_driver_and_gpu_apart() {
    let whole = cuda(
        "{ version = 12.9, toolkit = \"devel\", driver = 535, arch = [9.0, \"8.0\"], visible-devices = \"void\", duplicates = \"refuse\" }",
    );
    assert_eq!(whole.supported(), "12.2");
    assert_eq!(whole.lowest_capability().unwrap().as_str(), "8.0");
    assert_eq!(whole.packages(), ["cuda-toolkit"]);
    assert_eq!((whole.visible_devices.as_str(), whole.duplicates), ("void", Duplicates::Refuse));
    assert_eq!(cuda("{ version = \"12.4\", toolkit = \"runtime\" }").packages(), ["cuda-runtime"]);
    assert_eq!(cuda("{ version = \"11.8\", toolkit = \"runtime\" }").packages(), ["cudatoolkit"]);
    assert_eq!(cuda("{ version = \"11.8\", toolkit = \"devel\" }").packages(), ["cudatoolkit", "cuda-nvcc"]);
    // The libraries for older drivers support what they are of.
    let compat = cuda("{ version = \"12.9\", driver = \"470\", compat = true }");
    assert_eq!((compat.supported().as_str(), compat.packages()), ("12.9", vec!["cuda-compat"]));
    // A version that no table has yet.
    assert_eq!(cuda("{ version = \"14.0\", driver = \"640\" }").driver.as_str(), "640");
}

#[test]
fn a_driver_that_is_older_than_the_version_needs() {
    assert_snapshot!(refused("{ version = \"12.9\", driver = \"470\" }"), @r#"
     × CUDA 12.9 needs a driver from 525.60.13 on, and `driver` is 470
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.9", driver = "470" }
      ·                    ───┬──           ──┬──
      ·                       │               ╰── this driver
      ·                       ╰── this version
      ╰────
     help: write `driver = "525.60.13"` or a newer one, or `version = "11.4"`, which that driver
           supports, or `compat = true` for GPUs of data centres
    "#);
    assert_snapshot!(refused("{ version = \"12.9\", driver = \"525.20\" }"), @r#"
     × CUDA 12.9 needs a driver from 525.60.13 on, and `driver` is 525.20
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.9", driver = "525.20" }
      ·                    ───┬──           ────┬───
      ·                       │                 ╰── this driver
      ·                       ╰── this version
      ╰────
     help: write `driver = "525.60.13"` or a newer one, or `compat = true` for GPUs of data centres
    "#);
    assert_snapshot!(refused("{ version = \"13.0\", driver = \"470\", compat = true }"), @r#"
     × CUDA 13.0 needs a driver from 535 on, and `driver` is 470
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ cuda = { version = "13.0", driver = "470", compat = true }
      ·                    ───┬──           ──┬──
      ·                       │               ╰── this driver
      ·                       ╰── this version
      ╰────
     help: write `driver = "535"` or a newer one, or `version = "11.4"`, which that driver supports
    "#);
}

#[test]
fn a_version_whose_driver_nobody_knows() {
    assert_snapshot!(refused("\"14.0\""), @r#"
     × which driver CUDA 14.0 needs is not known
      ╭─[spec.toml:3:8]
    2 │ python = "3.11"
    3 │ cuda = "14.0"
      ·        ───┬──
      ·           ╰── this version
      ╰────
     help: say which driver it needs: `cuda = { version = "14.0", driver = "…" }`
    "#);
}

#[test]
fn gpus_that_a_version_has_no_kernels_for() {
    assert_snapshot!(refused("{ version = \"12.4\", arch = [\"9.0\", \"12.0\"] }"), @r#"
     × the compute capability 12.0 needs CUDA 12.8 or newer, and `version` is 12.4
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.4", arch = ["9.0", "12.0"] }
      ·                    ───┬──                 ───┬──
      ·                       │                      ╰── this GPU
      ·                       ╰── this version
      ╰────
     help: write `version = "12.8"` or a newer one, or leave the GPU out
    "#);
    assert_snapshot!(refused("{ version = \"13.0\", arch = [\"7.0\"] }"), @r#"
     × the compute capability 7.0 needs a CUDA before 13.0, and `version` is 13.0
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ cuda = { version = "13.0", arch = ["7.0"] }
      ·                    ───┬──          ──┬──
      ·                       │              ╰── this GPU
      ·                       ╰── this version
      ╰────
     help: write a version before 13.0, or leave the GPU out
    "#);
    assert_snapshot!(refused("{ version = \"13.0\", arch = [\"8.5\"] }"), @r#"
     × no GPU has the compute capability 8.5
      ╭─[spec.toml:3:36]
    2 │ python = "3.11"
    3 │ cuda = { version = "13.0", arch = ["8.5"] }
      ·                                    ──┬──
      ·                                      ╰── this one
      ╰────
     help: `nvidia-smi --query-gpu=compute_cap --format=csv` shows that of a machine
    "#);
    assert_snapshot!(refused("{ version = \"13.0\", arch = [\"8.0\", \"8.0\"] }"), @r#"
     × `cuda.arch` has `8.0` twice
      ╭─[spec.toml:3:43]
    2 │ python = "3.11"
    3 │ cuda = { version = "13.0", arch = ["8.0", "8.0"] }
      ·                                           ──┬──
      ·                                             ╰── again
      ╰────
    "#);
}

#[test]
fn values_that_are_none() {
    assert_snapshot!(refused("{ version = \"12.4\", driver = \"R535\" }"), @r#"
     × `R535` is not a driver of NVIDIA
      ╭─[spec.toml:3:37]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.4", driver = "R535" }
      ·                                     ───┬──
      ·                                        ╰── here
      ╰────
     help: write its branch, like `535`, or the oldest release, like `535.54.03`, as `nvidia-smi`
           shows it
    "#);
    assert_snapshot!(refused("{ version = \"12.4\", arch = [\"sm_80\"] }"), @r#"
     × `sm_80` is not a compute capability
      ╭─[spec.toml:3:36]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.4", arch = ["sm_80"] }
      ·                                    ───┬───
      ·                                       ╰── here
      ╰────
     help: write major and minor, like `8.0` (A100), `8.6` (RTX 30), `8.9` (L4, RTX 40), `9.0` (H100)
           or `12.0` (RTX 50)
    "#);
    assert_snapshot!(refused("{ version = \"12.4\", visible-devices = \"every\" }"), @r#"
     × `every` names no GPUs
      ╭─[spec.toml:3:46]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.4", visible-devices = "every" }
      ·                                              ───┬───
      ·                                                 ╰── here
      ╰────
     help: write `all`, `none` (the driver without a GPU), `void` (neither), or numbers and
           identifiers: `0,1`, `GPU-…`
    "#);
    assert_snapshot!(refused("{ version = \"12.4\", toolkit = \"full\" }"), @r#"
     × `cuda.toolkit` cannot be `full`
      ╭─[spec.toml:3:38]
    2 │ python = "3.11"
    3 │ cuda = { version = "12.4", toolkit = "full" }
      ·                                      ───┬──
      ·                                         ╰── here
      ╰────
     help: it can be `none`, `runtime`, `devel`
    "#);
    assert_snapshot!(refused("{ driver = \"535\" }"), @r#"
     × the key `cuda.version` is missing
      ╭─[spec.toml:3:8]
    2 │ python = "3.11"
    3 │ cuda = { driver = "535" }
      ·        ─────────┬────────
      ·                 ╰── here
      ╰────
    "#);
}

#[test]
fn a_toolkit_without_a_conda_environment() {
    let debian = "name = \"a\"\npython = { version = \"3.11\", from = \"debian\" }\n";
    assert_snapshot!(message(&format!("{debian}cuda = {{ version = \"12.9\", toolkit = \"devel\" }}\n")), @r#"
     × `cuda-toolkit` is asked for, which is a conda package, but no conda environment that it could
     │ be in
      ╭─[spec.toml:3:38]
    2 │ python = { version = "3.11", from = "debian" }
    3 │ cuda = { version = "12.9", toolkit = "devel" }
      ·                                      ───┬───
      ·                                         ╰── asked for here
      ╰────
     help: take Python from conda or name packages in `[conda]`; wheels bring what they need of CUDA
           themselves
    "#);
    assert_snapshot!(message(&format!("{debian}cuda = {{ version = \"12.9\", compat = true }}\n")), @r#"
     × `cuda-compat` is asked for, which is a conda package, but no conda environment that it could
     │ be in
      ╭─[spec.toml:3:37]
    2 │ python = { version = "3.11", from = "debian" }
    3 │ cuda = { version = "12.9", compat = true }
      ·                                     ──┬─
      ·                                       ╰── asked for here
      ╰────
     help: take Python from conda or name packages in `[conda]`; wheels bring what they need of CUDA
           themselves
    "#);
}

#[test]
fn a_toolkit_that_a_lock_lacks() {
    let list = "@EXPLICIT\nhttps://c.example/linux-64/python-3.11.2-0.conda\n";
    let refused = |cuda: &str, list: &str| {
        let spec =
            format!("name = \"a\"\nplatforms = [\"linux/amd64\"]\nenv = \"list.txt\"\ncuda = {cuda}\n");
        message_of(&[("spec.toml", &spec), ("list.txt", list)])
    };
    assert_snapshot!(refused("{ version = \"12.9\", toolkit = \"devel\" }", list), @r"
     × `list.txt` has no package `cuda-toolkit`, but `cuda.toolkit` asks for it
      ╭─[list.txt:1:1]
    1 │ @EXPLICIT
      · ────┬────
      ·     ╰── this lock
    2 │ https://c.example/linux-64/python-3.11.2-0.conda
      ╰────
     help: add `cuda-toolkit` to the environment before it is locked, or remove the key
    ");
    assert_snapshot!(refused("{ version = \"12.9\", compat = true }", list), @r"
     × `list.txt` has no package `cuda-compat`, but `cuda.compat` asks for it
      ╭─[list.txt:1:1]
    1 │ @EXPLICIT
      · ────┬────
      ·     ╰── this lock
    2 │ https://c.example/linux-64/python-3.11.2-0.conda
      ╰────
     help: add `cuda-compat` to the environment before it is locked, or remove the key
    ");
    // The old generation is known.
    let spec = "name = \"a\"\nplatforms = [\"linux/amd64\"]\nenv = \"list.txt\"\ncuda = { version = \"11.8\", toolkit = \"runtime\" }\n";
    let old = format!("{list}https://c.example/linux-64/pytorch-cuda-11.8-h7e8668a_6.tar.bz2\n");
    super::variants_of(&[("spec.toml", spec), ("list.txt", &old)]);
}

#[test]
fn an_index_of_pytorch_that_does_not_fit() {
    let refused = |cuda: &str, backend: &str| {
        message(&format!(
            "name = \"a\"\npython = \"3.11\"\ncuda = \"{cuda}\"\n[pip]\npackages = [\"torch\"]\ntorch-backend = \"{backend}\"\n"
        ))
    };
    assert_snapshot!(refused("12.9", "cpu"), @r#"
     × the image is for CUDA 12.9, and `torch-backend = "cpu"` takes wheels that do not use it
      ╭─[spec.toml:3:8]
    2 │ python = "3.11"
    3 │ cuda = "12.9"
      ·        ───┬──
      ·           ╰── what the image is for
    4 │ [pip]
    5 │ packages = ["torch"]
    6 │ torch-backend = "cpu"
      ·                 ──┬──
      ·                   ╰── this index
      ╰────
     help: leave it out, or leave `cuda` out: such an image is for the processor alone
    "#);
    assert_snapshot!(refused("12.9", "cu130"), @r#"
     × the wheels of `cu130` need a driver for CUDA 13, and the image is for CUDA 12.9
      ╭─[spec.toml:3:8]
    2 │ python = "3.11"
    3 │ cuda = "12.9"
      ·        ───┬──
      ·           ╰── what the image is for
    4 │ [pip]
    5 │ packages = ["torch"]
    6 │ torch-backend = "cu130"
      ·                 ───┬───
      ·                    ╰── this index
      ╰────
     help: write `torch-backend = "cu129"`, or `cuda = "13.0"`
    "#);
    assert_snapshot!(refused("12.9", "cu127"), @r#"
     × `cu127` is no index of PyTorch
      ╭─[spec.toml:6:17]
    5 │ packages = ["torch"]
    6 │ torch-backend = "cu127"
      ·                 ───┬───
      ·                    ╰── here
      ╰────
     help: write `auto`, `none`, `cpu`, or that of a CUDA: `cu132`, `cu130`, `cu129`, `cu128`,
           `cu126` or an older one
    "#);
}

#[test]
fn where_wheels_of_pytorch_come_from() {
    let spec = "name = \"a\"\npython = \"3.11\"\ncuda = 12.9\n[pip]\npackages = [\"torch\"]\n";
    let pytorch = |more: &str| variants(&format!("{spec}{more}"))[0].pip.clone().unwrap().pytorch;
    assert_eq!((pytorch("").backend, pytorch("").mirror.is_none()), (TorchBackend::Auto, true));
    let own = pytorch("torch-backend = \"cu128\"\nmirrors.pytorch = \"https://mirror.example/whl\"\n");
    assert_eq!(own.backend, TorchBackend::Cuda(12, 8));
    assert_eq!(own.mirror.unwrap().to_string(), "https://mirror.example/whl");
    assert_snapshot!(message(&format!("{spec}mirrors.torch = \"https://mirror.example/whl\"\n")), @r#"
     × unknown key `pip.mirrors.torch`
      ╭─[spec.toml:6:9]
    5 │ packages = ["torch"]
    6 │ mirrors.torch = "https://mirror.example/whl"
      ·         ──┬──
      ·           ╰── here
      ╰────
     help: did you mean `pytorch`?
    "#);
}
