//! `cuda`: what is chosen, what is refused, and what an image for CUDA is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Bench, Imgbuild, channel, named};
use insta::assert_snapshot;
use serde_json::Value;

/// Writes a spec with packages of the test channel.
fn spec(bench: &Bench, top: &str, packages: &[&str]) {
    bench.spec(
        &format!("platforms = [\"linux/amd64\"]\n{top}"),
        &format!("[conda]\npip = false\nchannels = [\"./channel\"]\npackages = {packages:?}\n"),
    );
}

/// What is locked of these packages, and what is said.
fn locked(bench: &Bench, top: &str, packages: &[&str]) -> (String, String) {
    spec(bench, top, packages);
    let said = bench.run(&["lock", "spec.toml", "--upgrade"]).stderr;
    let lock: toml::Table = bench.imgbuild.read("spec.lock").parse().unwrap();
    let counts = |name: &str| {
        ["torch", "cuda", "libcublas", "flash", "tensorflow", "jax"].iter().any(|it| name.contains(it))
    };
    let title = |package: &toml::Value| {
        let text = |key: &str| package["record"][key].as_str().unwrap().to_owned();
        counts(&text("name")).then(|| format!("{} {} {}", text("name"), text("version"), text("build")))
    };
    let mut found: Vec<String> = lock["conda"].as_array().unwrap().iter().filter_map(title).collect();
    found.sort();
    let notes: Vec<&str> =
        said.lines().filter(|line| line.starts_with("note: the spec asks for CUDA")).collect();
    (found.join("\n"), notes.join("\n"))
}

#[test]
fn builds_are_chosen_for_the_line_the_driver_and_the_gpus() {
    let bench = Bench::new();
    let python = "python = \"3.11\"\n";
    let (found, said) = locked(&bench, &format!("{python}cuda = \"12.9\""), &["pytorch"]);
    assert_snapshot!(found, @r"
    cuda-cudart 12.9.79 h0_0
    cuda-version 12.9 h4f385c5_3
    libcublas 12.9.1 h0_0
    pytorch 2.7.1 cuda129_mkl_py311_h1234567_300
    ");
    assert_eq!(said, "");
    // Nothing newer is built for 12.4.
    let (found, said) = locked(&bench, &format!("{python}cuda = \"12.4\""), &["pytorch-gpu"]);
    assert_snapshot!(found, @r"
    cuda-cudart 12.9.79 h0_0
    cuda-version 12.9 h4f385c5_3
    libcublas 12.9.1 h0_0
    pytorch 2.7.1 cuda129_mkl_py311_h1234567_300
    pytorch-gpu 2.7.1 cuda129_mkl_h1_300
    ");
    assert_snapshot!(said, @r"note: the spec asks for CUDA 12.4, and the packages are built for CUDA 12.9, which runs on the same drivers");
    let (found, _) = locked(&bench, &format!("{python}cuda = \"12.4\""), &["pytorch 2.4.*"]);
    assert_snapshot!(found, @r"
    cuda-version 12.4 h3060b56_3
    pytorch 2.4.1 cuda124_py311_200
    ");
    let devel = "cuda = { version = \"12.9\", toolkit = \"devel\", arch = [\"9.0\", \"8.6\"] }";
    let (found, _) = locked(&bench, &format!("{python}{devel}"), &["flash-attn", "tensorflow", "jax"]);
    assert_snapshot!(found, @r"
    cuda-cudart 12.9.79 h0_0
    cuda-nvcc 12.9.86 h0_0
    cuda-runtime 12.9.1 ha804496_0
    cuda-toolkit 12.9.1 ha804496_0
    cuda-version 12.9 h4f385c5_3
    flash-attn 2.8.2 sm80_0
    jax 0.6.2 pyhd8ed1ab_0
    jaxlib 0.6.2 cuda129_py311_h1_200
    libcublas 12.9.1 h0_0
    tensorflow 2.19.0 cuda129_py311_h1_200
    ");
    // The generation before.
    let (found, _) = locked(
        &bench,
        "python = \"3.9\"\ncuda = { version = \"11.8\", toolkit = \"runtime\" }",
        &["torchvision"],
    );
    assert_snapshot!(found, @r"
    cuda-version 11.8 h70ddcb2_3
    cudatoolkit 11.8.0 h0_0
    pytorch-cuda 11.8 h7e8668a_6
    torchvision 0.19.1 py39_cu118
    ");
}

#[test]
fn builds_of_an_index_of_the_third_revision() {
    let bench = Bench::new();
    let python = "python = \"3.11\"\n";
    let of_flags = |top: &str, packages: &[&str]| {
        spec(&bench, &format!("{python}{top}"), packages);
        bench.run(&["lock", "spec.toml", "--upgrade"]);
        let lock: toml::Table = bench.imgbuild.read("spec.lock").parse().unwrap();
        let packages = lock["conda"].as_array().unwrap().iter().map(|it| &it["record"]);
        let named =
            packages.filter(|it| ["vision-models", "flash-attn"].contains(&it["name"].as_str().unwrap()));
        let flags = |it: &toml::Value| it.get("flags").map(|flags| format!(" {flags}")).unwrap_or_default();
        let named = named.map(|it| format!("{} {}{}", it["name"], it["build"], flags(it)));
        named.collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(of_flags("", &["vision-models"]), @r#""vision-models" "h1_1" ["cpu", "blas:openblas"]"#);
    let cuda = "cuda = { version = \"12.9\", arch = [\"8.0\"] }";
    assert_snapshot!(of_flags(cuda, &["vision-models"]), @r#""vision-models" "h0_0" ["cuda", "blas:openblas"]"#);
    assert_snapshot!(of_flags(cuda, &["vision-models[flags=[cuda, \"blas:*\"], extras=[train]]"]), @r#"
    "flash-attn" "sm80_0"
    "vision-models" "h0_0" ["cuda", "blas:openblas"]
    "#);
    // Who chooses a build of what is no framework has chosen.
    assert_snapshot!(of_flags(cuda, &["vision-models[flags=[cpu]]"]), @r#""vision-models" "h1_1" ["cpu", "blas:openblas"]"#);
}

#[test]
fn builds_of_the_channel_that_pytorch_had() {
    let bench = Bench::new();
    let top = "python = \"3.11\"\ncuda = \"12.1\"";
    let (found, _) = locked(&bench, top, &["pytorch 2.3.*"]);
    assert_snapshot!(found, @r"
    pytorch 2.3.1 py3.11_cuda12.1_cudnn8.9.2_0
    pytorch-cuda 12.1 ha16c6d3_6
    pytorch-mutex 1.0 cuda
    ");
    spec(&bench, top, &["pytorch 2.3.*", "cpuonly"]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the image has CUDA 12.1, and these packages do not use it:
          `pytorch 2.3.1 py3.11_cpu_0`: its build says that it is for the processor alone; `cpuonly` asks for that; for CUDA there are `2.7.1 cuda130_mkl_py311_h1234567_300`, `2.4.1 cuda124_py39_200`, `2.3.1 py3.11_cuda12.1_cudnn8.9.2_0`
          The following packages are incompatible
          ├─ cpuonly * can be installed with any of the following options:
          │  └─ cpuonly 2.0 would require
          │     └─ pytorch-mutex ==1.0 cpu, which can be installed with any of the following options:
          │        └─ pytorch-mutex 1.0
          └─ pytorch 2.3.* cannot be installed because there are no viable options:
             ├─ pytorch 2.3.1 is excluded because it does not use CUDA, which the image is for
             └─ pytorch 2.3.1 would require
                └─ pytorch-mutex ==1.0 cuda, which cannot be installed because there are no viable options:
                   ├─ pytorch-mutex 1.0, which conflicts with the versions reported above.
                   └─ pytorch-mutex 1.0, which conflicts with the versions reported above.
      help: leave out `cpuonly`; an image for the processor alone has no `cuda`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:13:13]
     12 │ channels = ["./channel"]
     13 │ packages = ["pytorch 2.3.*", "cpuonly"]
        ·             ───────┬───────
        ·                    ╰── this requirement
     14 │
        ╰────

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:13:30]
     12 │ channels = ["./channel"]
     13 │ packages = ["pytorch 2.3.*", "cpuonly"]
        ·                              ────┬────
        ·                                  ╰── this requirement
     14 │
        ╰────
    "#);
}

#[test]
fn a_framework_that_is_forced_to_its_build_for_the_processor() {
    let bench = Bench::new();
    let told = |packages: &[&str]| {
        spec(&bench, "python = \"3.11\"\ncuda = \"12.9\"", packages);
        bench.fails(&[])
    };
    assert_snapshot!(told(&["pytorch=*=cpu*"]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the image has CUDA 12.9, and these packages do not use it:
          `pytorch 2.7.1 cpu_generic_py311_h1234567_0`: its build says that it is for the processor alone; `pytorch=*=cpu*` asks for that; for CUDA there are `2.7.1 cuda130_mkl_py311_h1234567_300`, `2.4.1 cuda124_py39_200`, `2.3.1 py3.11_cuda12.1_cudnn8.9.2_0`
          The following packages are incompatible
          └─ pytorch * cpu* cannot be installed because there are no viable options:
             └─ pytorch 2.4.1 | 2.7.1 is excluded because it does not use CUDA, which the image is for
      help: leave out `pytorch=*=cpu*`; an image for the processor alone has no `cuda`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:13:13]
     12 │ channels = ["./channel"]
     13 │ packages = ["pytorch=*=cpu*"]
        ·             ────────┬───────
        ·                     ╰── this requirement
     14 │
        ╰────
    "#);
    assert_snapshot!(told(&["numpy", "pytorch-cpu"]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the image has CUDA 12.9, and these packages do not use it:
          `pytorch 2.7.1 cpu_generic_py311_h1234567_0`: its build says that it is for the processor alone; `pytorch-cpu` asks for that; for CUDA there are `2.7.1 cuda130_mkl_py311_h1234567_300`, `2.4.1 cuda124_py39_200`, `2.3.1 py3.11_cuda12.1_cudnn8.9.2_0`
          The following packages are incompatible
          └─ pytorch-cpu * cannot be installed because there are no viable options:
             └─ pytorch-cpu 2.7.1 would require
                └─ pytorch ==2.7.1 cpu*, which cannot be installed because there are no viable options:
                   └─ pytorch 2.7.1 is excluded because it does not use CUDA, which the image is for
      help: leave out `pytorch-cpu`; an image for the processor alone has no `cuda`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:13:22]
     12 │ channels = ["./channel"]
     13 │ packages = ["numpy", "pytorch-cpu"]
        ·                      ──────┬──────
        ·                            ╰── this requirement
     14 │
        ╰────
    "#);
    assert_snapshot!(told(&["jaxlib=0.6.2=cpu*"]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the image has CUDA 12.9, and these packages do not use it:
          `jaxlib 0.6.2 cpu_py311_h1_0`: its build says that it is for the processor alone; `jaxlib=0.6.2=cpu*` asks for that; for CUDA there are `0.6.2 cuda129_py311_h1_200`
          The following packages are incompatible
          └─ jaxlib ==0.6.2 cpu* cannot be installed because there are no viable options:
             └─ jaxlib 0.6.2 is excluded because it does not use CUDA, which the image is for
      help: leave out `jaxlib=0.6.2=cpu*`; an image for the processor alone has no `cuda`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:13:13]
     12 │ channels = ["./channel"]
     13 │ packages = ["jaxlib=0.6.2=cpu*"]
        ·             ─────────┬─────────
        ·                      ╰── this requirement
     14 │
        ╰────
    "#);
}

#[test]
fn a_python_and_a_cuda_that_nothing_is_built_for() {
    let bench = Bench::new();
    spec(&bench, "python = \"3.9\"\ncuda = \"13.0\"", &["pytorch"]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the image has CUDA 13.0, and these packages do not use it:
          `pytorch 2.4.1 cpu_py39_0`: its build says that it is for the processor alone; for CUDA there are `2.7.1 cuda130_mkl_py311_h1234567_300`, `2.4.1 cuda124_py39_200`, `2.3.1 py3.11_cuda12.1_cudnn8.9.2_0`
          no channel has a build of `pytorch` for CUDA 13 and Python 3.9; the nearest: `2.4.1 cuda124_py39_200` for CUDA 12.4 and Python 3.9, `2.7.1 cuda130_mkl_py311_h1234567_300` for CUDA 13.0 and Python 3.11
          pytorch * cannot be installed because there are no viable options:
          └─ pytorch 2.3.1 | 2.4.1 | 2.7.1 would require
             └─ python >=3.11,<3.12.0a0, for which no candidates were found.
          The following packages are incompatible
          └─ pytorch * can be installed with any of the following options:
             ├─ pytorch 2.4.1 would require
             │  └─ cuda-version >=12.4,<13, which can be installed with any of the following options:
             │     └─ cuda-version 12.4 | 12.9
             └─ pytorch 2.4.1 would require
                └─ cuda-version >=11.8,<12, which can be installed with any of the following options:
                   └─ cuda-version 11.8
          ├─ the constraint cuda-version >=13,<14 cannot be fulfilled
          ├─ the constraint cuda-version >=13,<14 cannot be fulfilled
          └─ the constraint cuda-version >=13,<14 cannot be fulfilled
      help: write `cuda = "12.4"` or `python = "3.11"`, for which there are builds; an image for the processor alone has no `cuda`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:13:13]
     12 │ channels = ["./channel"]
     13 │ packages = ["pytorch"]
        ·             ────┬────
        ·                 ╰── this requirement
     14 │
        ╰────

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:10]
     2 │ platforms = ["linux/amd64"]
     3 │ python = "3.9"
       ·          ──┬──
       ·            ╰── this requirement
     4 │ cuda = "13.0"
       ╰────
    "#);
}

#[test]
fn packages_of_another_tools_lock_for_the_processor() {
    let bench = Bench::new();
    let list = format!(
        "@EXPLICIT\nfile://{}/linux-64/pytorch-2.4.1-cpu_py311_0.conda\n",
        bench.imgbuild.path("channel").display()
    );
    bench.imgbuild.write("list.txt", list);
    bench.spec("platforms = [\"linux/amd64\"]\ncuda = \"11.8\"\nenv = \"list.txt\"", "");
    assert_snapshot!(bench.fails(&[]), @r#"
    × cannot take the packages of `list.txt` for `x:latest (linux/amd64)`
    ╰─▶ the image has CUDA 11.8, and these packages do not use it:
        `pytorch 2.4.1 cpu_py311_0`: its build says that it is for the processor alone
    help: lock again for CUDA: `CONDA_OVERRIDE_CUDA=11.8` for conda, `[system-requirements] cuda = "11.8"` for pixi; or leave `cuda` out of the spec
    "#);
}

#[test]
fn the_contract_is_printed() {
    let bench = Bench::new();
    let check = || {
        bench
            .run(&["check", "spec.toml"])
            .stdout
            .replace(&bench.imgbuild.folder().display().to_string(), "FOLDER")
    };
    spec(&bench, "python = \"3.11\"\ncuda = { version = \"12.4\", arch = [\"8.0\", \"9.0\"] }", &["pytorch"]);
    assert_snapshot!(check(), @r"
    x:latest (linux/amd64)
      CUDA     12.4
      drivers  525.60.13 and newer, which support CUDA 12.0
      GPUs     compute capability 8.0, 9.0
      glibc    2.41

    there is no lock that fits this spec, so no layers are planned: run `imgbuild lock`
    ");
    bench.run(&["lock", "spec.toml"]);
    let contract = |text: &str| text.lines().skip(1).take(4).collect::<Vec<_>>().join("\n");
    assert_snapshot!(contract(&check()), @r"
    CUDA     12.4; its packages are built for 12.9
    drivers  525.60.13 and newer, which support CUDA 12.0
    GPUs     compute capability 8.0, 9.0
    glibc    2.41; its packages need 2.36
    ");
    let json: Value = serde_json::from_str(&bench.run(&["check", "spec.toml", "--json"]).stdout).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&json["variants"][0]["cuda"]).unwrap(), @r#"
    {
      "version": "12.4",
      "built": "12.9",
      "driver": {
        "oldest": "525.60.13",
        "supports": "12.0",
        "compat": false
      },
      "requires": "cuda>=12.0",
      "arch": [
        "8.0",
        "9.0"
      ],
      "glibc": {
        "image": "2.41",
        "packages": "2.36"
      }
    }
    "#);
    spec(&bench, "python = \"3.11\"\ncuda = { version = \"12.9\", driver = \"470\", compat = true }", &[]);
    assert_snapshot!(contract(&check()), @r"
    CUDA     12.9
    drivers  470 and newer, which support CUDA 12.9 with the libraries of cuda-compat, on GPUs of data centres
    GPUs     those that its packages have kernels for: `cuda.arch` names them, and a build checks it
    glibc    2.41
    ");
    let json: Value = serde_json::from_str(&bench.run(&["check", "spec.toml", "--json"]).stdout).unwrap();
    assert_eq!(json["variants"][0]["cuda"]["requires"], "cuda>=12.0 brand=tesla,driver>=470");
}

/// A message without what differs from run to run.
fn message(imgbuild: &Imgbuild, text: &str) -> String {
    let start = text.find("  × ").unwrap_or(0);
    let text = text[start..].replace(&imgbuild.folder().display().to_string(), "FOLDER");
    named(&text).lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn an_image_says_what_it_needs_of_a_driver_and_brings_none() {
    let imgbuild = Imgbuild::new();
    let spec = |cuda: &str, package: &str| {
        let channel = channel();
        format!(
            "name = \"gpu\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\ncuda = {cuda}\n[conda]\nchannels = [\"{channel}\"]\npackages = [\"{package}\"]\n"
        )
    };
    let output = imgbuild
        .build(&spec("{ version = \"12.9\", arch = [\"8.0\", \"12.0\"], compat = true }", "pytorch"), &[]);
    let image = output.image();
    assert_eq!(image.variable("NVIDIA_VISIBLE_DEVICES"), Some("all"));
    assert_eq!(image.variable("NVIDIA_DRIVER_CAPABILITIES"), Some("compute,utility"));
    assert_eq!(image.variable("NVIDIA_REQUIRE_CUDA"), Some("cuda>=12.0"));
    assert_eq!((image.variable("CUDA_VERSION"), image.variable("LD_LIBRARY_PATH")), (None, None));
    let run = |script: &str| imgbuild.run(["run", "gpu", "--", "sh", "-c", script]).success().stdout;
    assert_eq!(
        run("readlink /usr/local/cuda/compat; ls /usr/local/cuda/compat/"),
        "/opt/conda/cuda-compat\nlibcuda.so.575.57.08\n"
    );
    assert_eq!(
        run("find / -xdev -name 'libcuda.so*' -not -path '/opt/conda/cuda-compat/*' 2>/dev/null; true"),
        ""
    );
}

/// Writes a description of devices, with plain files, a device that every machine has, and a library of this machine.
fn describe(imgbuild: &Imgbuild, library: &str) {
    imgbuild.write("driver/libdriver.so.575.57.08", fs_err::read(library).unwrap());
    imgbuild.write("driver/settings", "of the driver\n");
    let folder = imgbuild.path("driver").display().to_string();
    imgbuild.write(
        "cdi/nvidia.yaml",
        format!(
            r#"---
cdiVersion: 0.6.0
kind: nvidia.com/gpu
annotations: {{ a: b }}
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
      hostPath: /dev/null
      fileMode: 438
    additionalGids: [44]
- name: all
  containerEdits:
    deviceNodes:
    - {{ path: /dev/nvidia0, hostPath: /dev/null, permissions: rw }}
    - {{ path: /dev/nvidia1, hostPath: /dev/zero }}
containerEdits:
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  deviceNodes:
  - path: /dev/nvidiactl
    hostPath: /dev/full
  hooks:
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
    args: [nvidia-cdi-hook, create-symlinks, --link, "libdriver.so.575.57.08::/usr/lib/x86_64-linux-gnu/libdriver.so"]
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
    args: [nvidia-cdi-hook, update-ldcache, --folder, /usr/lib/x86_64-linux-gnu]
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
    args: [nvidia-cdi-hook, chmod, --mode, "755", --path, /dev/dri]
  mounts:
  - hostPath: {folder}/libdriver.so.575.57.08
    containerPath: /usr/lib/x86_64-linux-gnu/libdriver.so.575.57.08
    options: [ro, nosuid, nodev, rbind, rprivate]
  - hostPath: {folder}/settings
    containerPath: /etc/driver/settings
    options: [ro, rbind]
"#
        ),
    );
}

#[test]
fn the_gpu_of_this_machine_is_given_to_a_command() {
    let imgbuild = Imgbuild::new();
    imgbuild.build("name = \"run-gpu\"\npython = { version = \"3.13\", from = \"debian\" }\n", &[]);
    let maps = fs_err::read_to_string("/proc/self/maps").unwrap();
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(|it| it.contains("/libgcc_s.so"))
        .unwrap();
    describe(&imgbuild, library);
    let script = "ls /dev | grep nvidia; test -c /dev/nvidia0 && echo device; echo x > /dev/nvidia0; cat /etc/driver/settings; \
        ls /usr/lib/x86_64-linux-gnu | grep -e libdriver; cmp /usr/lib/x86_64-linux-gnu/libdriver.so /usr/lib/x86_64-linux-gnu/libdriver.so.575.57.08 && echo same; \
        echo $NVIDIA_VISIBLE_DEVICES $LD_LIBRARY_PATH; echo y 2>&1 > /etc/driver/settings";
    let run =
        |gpu: &str| imgbuild.run(["run", gpu, "--cdi-spec-dir", "cdi", "run-gpu", "--", "sh", "-c", script]);
    let outcome = run("--gpu");
    assert_snapshot!(outcome.stdout, @r"
    nvidia0
    nvidia1
    nvidiactl
    device
    of the driver
    libdriver.so
    libdriver.so.575.57.08
    same
    void
    sh: 1: cannot create /etc/driver/settings: Read-only file system
    ");
    assert_snapshot!(outcome.stderr.lines().filter(|line| line.starts_with("note: ")).collect::<Vec<_>>().join("\n"), @r"note: left out of the GPU's description: the hook `chmod` (createContainer)");
    let only = run("--gpu=0");
    assert!(!only.stdout.contains("nvidia1") && only.stdout.contains("nvidia0"), "{}", only.stdout);
    assert!(only.stderr.contains("left out of the GPU's description: `additionalGids`"), "{}", only.stderr);
    let whole = run("--gpu=nvidia.com/gpu=0");
    assert_eq!(whole.stdout, only.stdout);
    // What is not there.
    let refused = |gpu: &str, folder: &str| {
        let outcome = imgbuild.run(["run", gpu, "--cdi-spec-dir", folder, "run-gpu", "--", "true"]);
        assert_eq!(outcome.code, Some(125), "{outcome:?}");
        message(&imgbuild, &outcome.stderr)
    };
    assert_snapshot!(refused("--gpu", "nowhere"), @r"
    × this machine describes no GPU: there is no file of devices in `nowhere`
    help: with NVIDIA's driver and its container toolkit on the machine, `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` writes one; `--cdi-spec-dir` names another folder
    ");
    assert_snapshot!(refused("--gpu=7", "cdi"), @r"  × this machine describes no device `7`: there are `nvidia.com/gpu=0`, `nvidia.com/gpu=all`");
    fs_err::remove_file(imgbuild.path("driver/settings")).unwrap();
    assert_snapshot!(refused("--gpu", "cdi"), @r"
    × `FOLDER/driver/settings` is named by `cdi/nvidia.yaml`, and is not there
    help: the driver was changed, or is not loaded: `nvidia-smi` loads it, and `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` describes it anew
    ");
    imgbuild.write(
        "twice/a.json",
        r#"{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0"}]}"#,
    );
    imgbuild.write("twice/b.yml", "cdiVersion: '0.5.0'\nkind: nvidia.com/gpu\ndevices: [{ name: '0' }]\n");
    assert_snapshot!(refused("--gpu", "twice"), @r"
    × `nvidia.com/gpu=0` is described by `twice/a.json` and by `twice/b.yml`
    help: remove the one that is out of date
    ");
    imgbuild.write("wrong/a.json", "{\"cdiVersion\": \"0.5.0\"}");
    assert_snapshot!(refused("--gpu", "wrong"), @r"  × `wrong/a.json` does not describe devices: missing field `kind` at line 1 column 23");
    imgbuild.write("lines/a.yaml", "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: none\n");
    assert_snapshot!(refused("--gpu", "lines"), @r"
     × `devices` must be a list, but is a string
      ╭─[lines/a.yaml:3:10]
    2 │ kind: nvidia.com/gpu
    3 │ devices: none
      ·          ──┬─
      ·            ╰── here
      ╰────
    ");
    imgbuild.write("future/a.yaml", "cdiVersion: 3.0.0\nkind: nvidia.com/gpu\ndevices: []\n");
    assert_snapshot!(refused("--gpu", "future"), @r"  × `future/a.yaml` is of version `3.0.0`, which is not known");
}
