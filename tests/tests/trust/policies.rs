//! Who must have signed what is run, and what is built on.

use imgbuild_tests::{Imgbuild, Registry};
use insta::assert_snapshot;

use super::{imgbuild, key, plain, push};

/// A program of Linux on x86-64 that ends with 42 and needs nothing.
fn program() -> Vec<u8> {
    const START: u64 = 0x40_0000;
    let code = [0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05];
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |elf: &mut Vec<u8>, value: u16| elf.extend(value.to_le_bytes());
    [2, 62].into_iter().for_each(|value| half(&mut elf, value));
    elf.extend(1_u32.to_le_bytes());
    [START + 120, 64, 0].into_iter().for_each(|value: u64| elf.extend(value.to_le_bytes()));
    elf.extend(0_u32.to_le_bytes());
    [64, 56, 1, 0, 0, 0].into_iter().for_each(|value| half(&mut elf, value));
    [1_u32, 5].into_iter().for_each(|value| elf.extend(value.to_le_bytes()));
    let size = 120 + code.len() as u64;
    [0, START, START, size, size, 4096].into_iter().for_each(|value: u64| elf.extend(value.to_le_bytes()));
    elf.extend(code);
    elf
}

/// An image that can be run, pushed and signed.
fn pushed(imgbuild: &Imgbuild, registry: &Registry, more: &[&str]) {
    imgbuild.write("program", program());
    imgbuild.write(
        "spec.toml",
        "name = \"base\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n[image]\ncmd = [\"/program\"]\n\
         [[copy]]\nfrom = \"program\"\nto = \"/program\"\nmode = \"0755\"\n",
    );
    push(imgbuild, &format!("{}/base", registry.address()), more);
}

#[test]
fn only_what_is_signed_is_run() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    pushed(&imgbuild, &registry, &["--sign-key", &key("ed.key")]);
    let name = format!("{}/base:latest", registry.address());
    let run = |image: &str, public: &str| {
        let outcome = imgbuild.run(["run", "--quiet", image, "--verify", &key(public)]);
        plain(&format!("{}{}[{}]", outcome.stderr, outcome.stdout, outcome.code.unwrap()), registry.address())
    };
    assert_eq!(run(&name, "ed.pub"), "[42]");
    // It is here now, and is asked for all the same.
    assert_eq!(run(&name, "ed.pub"), "[42]");
    assert_snapshot!(run(&name, "p256.pub"), @"
      × no signature of `REGISTRY/base:latest` holds with the key `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`:
      │ the artifact `sha256:…`: it was made with another key: it names `nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=`, and this one is `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`
      │ the tag `sha256-….sig`: it does not hold: what is signed was changed, or it was made with another key
    [125]
    ");
    assert_snapshot!(run("base:latest", "ed.pub"), @"
      × `base:latest` cannot be verified: what is signed is in a registry
      help: name it as it is there: HOST/NAME:TAG
    [125]
    ");
}

/// Locks a spec that stands on the image: what is said where that fails.
fn locked(imgbuild: &Imgbuild, registry: &Registry, verify: &str) -> String {
    let image = format!("{}/base:latest", registry.address());
    let base = format!("[base]\nimage = \"{image}\"\n{verify}\n");
    imgbuild.write("on/spec.toml", format!("name = \"on\"\nplatforms = [\"linux/amd64\"]\n{base}"));
    let outcome = imgbuild.run(["lock", "--quiet", "on/spec.toml"]);
    let text = format!("{}[{}]", outcome.stderr, outcome.code.unwrap());
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    // A port has one to five digits, and lines are as long as what they show.
    plain(&lines.join("\n"), registry.address()).replace(&"─".repeat(2), "")
}

#[test]
fn only_what_is_signed_is_built_on() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    pushed(&imgbuild, &registry, &["--sign-key", &key("ed.key")]);
    for name in ["ed.pub", "p256.pub", "p256.key"] {
        imgbuild.write(&format!("on/{name}"), fs_err::read(key(name)).unwrap());
    }
    let said = |text: String| {
        text.lines().take_while(|line| !line.contains("Advice")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(locked(&imgbuild, &registry, ""), "[0]");
    let before = fs_err::read_to_string(imgbuild.path("on/spec.lock")).unwrap();
    assert_eq!(locked(&imgbuild, &registry, "verify = \"ed.pub\""), "[0]");
    // Who asks for a key asks for the image that is locked as well.
    assert_ne!(fs_err::read_to_string(imgbuild.path("on/spec.lock")).unwrap(), before);
    assert_snapshot!(said(locked(&imgbuild, &registry, "verify = \"p256.pub\"")), @"
    × cannot build on `REGISTRY/base:latest`
    ╰─▶ no signature of `REGISTRY/base:latest` holds with the key `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`:
        the artifact `sha256:…`: it was made with another key: it names `nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=`, and this one is `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`
        the tag `sha256-….sig`: it does not hold: what is signed was changed, or it was made with another key
    ");
    assert_snapshot!(said(locked(&imgbuild, &registry, "verify = \"p256.key\"")), @"
    × cannot use the key `on/p256.key`
    ╰─▶ it is a private key, and signatures are checked with the public one
    help: `cosign public-key --key KEY`, or `openssl pkey -in KEY -pubout`, prints the public key that belongs to it
    ");
    assert_snapshot!(said(locked(&imgbuild, &registry, "verify = \"none.pub\"")), @"
    × cannot use the key `on/none.pub`
    ╰─▶ No such file or directory (os error 2)
    ");
    // Nor is what was locked once taken without asking.
    imgbuild.run(["build", "on/spec.toml", "--locked", "--output", "out"]).failure();
}
