//! What stands on an image of a registry, and what is moved for it.

use imgbuild_oci::Platform;
use imgbuild_tests::{Image, Imgbuild, LIMITS, Podman, Registry, channel, write_layout};

use crate::{Site, conda, config, has_blob, system};

#[test]
fn the_base_is_as_it_was_and_what_is_above_is_ours() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.imgbuild.write("src/new", "new");
    site.spec("team/base:1", &format!("[[copy]]\nfrom = \"src\"\nto = \"/data\"\n{}", conda()));
    let image = site.imgbuild.build_again(&[]).image();
    let base = site.lock().variants[0].image.clone().unwrap();
    assert_eq!(image.manifest.layers[0].digest, base.layers[0].digest);
    let container = &image.config.config;
    assert_eq!((container.user.as_str(), container.entrypoint.len()), ("app", 1));
    assert_eq!(container.labels.get("team").map(String::as_str), Some("base"));
    assert_eq!(image.variable("GREETING"), Some("hello"));
    assert_eq!(image.variable("PATH"), Some("/opt/conda/bin:/usr/bin:/bin"));
    assert_eq!(image.config.history[0].created_by, "by hand");
    // A link of the base leads there.
    assert_eq!(image.file("var/data/new"), b"new");
    let annotation =
        |key: &str| image.manifest.annotations[&format!("org.opencontainers.image.base.{key}")].clone();
    assert_eq!(annotation("name"), site.name("team/base:1"));
    assert_eq!(annotation("digest"), base.manifest.to_string());
    // The same image in a folder becomes the same layers.
    let layers = vec![system().tar()];
    write_layout(&site.imgbuild.path("layout"), &[Platform::LinuxAmd64], layers, &config());
    let spec = site.imgbuild.read("spec.toml");
    let spec = spec.replace(&format!("image = \"{}\"", site.name("team/base:1")), "layout = \"layout\"");
    let by_layout = site.imgbuild.build(&spec, &[]).image();
    let of = |image: &Image| image.manifest.layers.clone();
    // The last layers have the lock, which says where the base is.
    let same = of(&image).iter().zip(of(&by_layout)).filter(|(one, other)| *one == other).count();
    assert_eq!(same, of(&image).len() - 1);
}

#[test]
fn a_push_to_the_registry_of_the_base_moves_none_of_it() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &format!("[[copy]]\nfrom = \"src\"\nto = \"/data\"\n{}", conda()));
    site.imgbuild.write("src/new", "new");
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let other = site.elsewhere();
    other.write("src/new", "new");
    let to = site.name("team/app:1");
    let said = other.run(["build", "spec.toml", "--locked", "--push", &to]).success().stderr;
    assert!(said.contains("in 1 blob; there: 0 B in 0 blobs"), "{said}");
    let base = site.lock().variants[0].image.clone().unwrap();
    assert!(!has_blob(&other, &base.layers[0].digest), "it was fetched");
    // What is written into a file comes from the registry, is checked, and is in the store from then on.
    let output = other.build_again(&["--locked"]);
    assert!(has_blob(&other, &base.layers[0].digest));
    assert_eq!(site.imgbuild.build_again(&[]).image().digest, output.image().digest);
    // Now nobody needs the registry.
    drop(site.registry);
    assert_eq!(other.build_again(&["--locked", "--offline"]).image().digest, output.image().digest);
}

#[test]
fn what_was_pushed_without_its_base_is_pushed_elsewhere_later() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", "[[copy]]\nfrom = \"src\"\nto = \"/data\"\n");
    site.imgbuild.write("src/new", "new");
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let other = site.elsewhere();
    other.write("src/new", "new");
    other.run(["build", "spec.toml", "--locked", "--push", &site.name("team/app:1")]).success();
    let base = site.lock().variants[0].image.clone().unwrap();
    assert!(!has_blob(&other, &base.layers[0].digest));
    // Within the registry it is mounted from where the base is, and another one gets it from there.
    let said = other.run(["push", "x:latest", &site.name("more/app:1")]).success().stderr;
    assert!(said.contains("in 1 blob; there: 0 B in 0 blobs"), "{said}");
    let elsewhere = Registry::new();
    let to = format!("{}/app:1", elsewhere.address());
    other.run(["push", "x:latest", &to]).success();
    assert!(elsewhere.blobs().contains_key(&base.layers[0].digest));
    // Nobody has it any more.
    drop(site.registry);
    let third = Registry::new();
    let to = format!("{}/app:1", third.address());
    let lost = other.variable("IMGBUILD_HTTP_RETRIES", "0").run(["push", "x:latest", &to]).failure();
    assert!(lost.stderr.contains("the registry cannot be reached"), "{}", lost.stderr);
}

#[test]
fn the_registry_is_not_asked_for_what_the_lock_says() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &conda());
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let other = site.elsewhere();
    let (name, base) = (site.name("team/base:1"), site.lock().variants[0].image.clone().unwrap());
    drop(site.registry);
    let said = other.run(["check", "spec.toml"]).success().stdout;
    assert!(said.contains(&format!("{name}, layer 1 of 1")) && said.contains("in its registry"), "{said}");
    // Nor for what is solved over it.
    let wider = other.read("spec.toml").replace("odd-noarch-generic\"", "odd-noarch-generic\", \"tzdata\"");
    other.write("spec.toml", wider);
    other.run(["lock", "spec.toml", "--offline"]).success();
    let lock = imgbuild_lock::Lock::parse(&other.read("spec.lock")).unwrap();
    assert_eq!(lock.variants[0].image, Some(base));
}

#[test]
fn an_image_of_imgbuild_is_a_base_and_podman_runs_what_stands_on_it() {
    let site = Site::new();
    let own = Imgbuild::new();
    let conda = format!("[conda]\nchannels = [\"{}\"]\n", channel());
    let first = "name = \"base\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n[image]\nenv = { FIRST = \"1\" }\n[user]\nname = \"ada\"\nuid = 1001\n";
    own.write("spec.toml", format!("{first}{conda}"));
    own.run(["build", "spec.toml", "--push", &site.name("team/base:1")]).success();
    let spec = format!(
        "name = \"app\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\nbase = {{ image = \"{}\" }}\n[layers]\nbudget = 80\n{conda}",
        site.name("team/base:1"),
    );
    site.imgbuild.write("spec.toml", &spec);
    let said = site.fails(&["lock", "spec.toml"]);
    assert!(
        said.contains("`/opt/conda` cannot be the environment's folder: the base has Python 3.11.")
            && said.contains(" conda packages there"),
        "{said}"
    );
    site.imgbuild.write("spec.toml", format!("{spec}prefix = \"/opt/app\"\n"));
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let (other, to) = (site.elsewhere(), site.name("team/app:1"));
    other.run(["build", "spec.toml", "--locked", "--push", &to]).success();
    let layers = site.lock().variants[0].image.clone().unwrap().layers;
    assert!(layers.len() > 3 && layers.iter().all(|layer| !has_blob(&other, &layer.digest)));
    // Who runs it here gets what is lacking.
    let said = other.run(["run", "app:latest", "--", "python", "-c", "print(1)"]).success().stdout;
    assert_eq!(said, "1\n");
    let podman = Podman::new(&other.path("podman"));
    let program = "import os, sys; print(sys.executable, os.environ['FIRST'], os.getuid())";
    let program = ["--tls-verify=false", "--pull=always", &to, "python", "-c", program];
    let words = [&["run", "--rm", "--net=none"][..], &LIMITS, &program].concat();
    assert_eq!(podman.run(&words).success().stdout, "/opt/app/bin/python 1 1001\n");
}

#[test]
fn passwords_of_a_base_are_in_no_lock() {
    let site = Site::new();
    let shadow = "root:$6$salt$hash:1:0:99999:7:::\napp:*:1:0:99999:7:::\n";
    site.put("team/base:1", &[Platform::LinuxAmd64], vec![system().file("etc/shadow", shadow)], &config());
    site.spec("team/base:1", &format!("[user]\nname = \"ada\"\nuid = 1001\n{}", conda()));
    let image = site.imgbuild.build_again(&[]).image();
    assert_eq!(site.lock().variants[0].image.as_ref().unwrap().content, None);
    let found = String::from_utf8(image.file("etc/shadow").to_vec()).unwrap();
    assert!(found.starts_with(shadow) && found.contains("\nada:*:"), "{found}");
    // Then a build reads the base's layers.
    let other = site.elsewhere();
    assert_eq!(other.build_again(&["--locked"]).image().digest, image.digest);
}
