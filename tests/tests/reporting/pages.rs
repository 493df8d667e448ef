//! The pages of an image, of a build, of two images, and of many.

use imgbuild_tests::Bench;
use serde_json::json;

use crate::{assert_good, bench, seen};

#[test]
fn an_image_is_seen_on_every_screen() {
    let bench = bench(&["python 3.11.*", "pyyaml"]);
    bench.build(&["--no-check"]);
    let printed = bench.run(&["report", "out/x-latest.tar", "-o", "x.html"]).stdout;
    assert_eq!(printed, "x.html\n");
    let page = bench.imgbuild.path("x.html");
    let seen = seen("image", &page, &["use"]);
    assert_good(&seen, &page);
    let squares: Vec<&str> =
        seen["plain"]["squares"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(squares.iter().any(|it| it.starts_with("1 python 3.11")), "{squares:?}");
    assert!(squares.contains(&"openssl"), "{squares:?}");
    assert!(seen["plain"]["rows"].as_u64().unwrap() > 20, "{seen}");
    let used = &seen["use"];
    assert_eq!((&used["found"], &used["back"]), (&json!(["pyyaml"]), &json!(true)), "{used}");
    assert!(used["count"].as_str().unwrap().starts_with("1 of "), "{used}");
    assert_eq!(
        (&used["largest"], &used["sorted"], &used["target"]),
        (&json!("python"), &json!("descending"), &json!("python"))
    );
    assert!(
        used["layer"].as_str().unwrap().starts_with("the packages and folders of layer 1: python"),
        "{used}"
    );
    // It follows from the image.
    bench.run(&["report", "out/x-latest.tar", "-o", "again.html"]);
    assert_eq!(bench.imgbuild.read("x.html"), bench.imgbuild.read("again.html"));
    let piped = bench.run(&["report", "out/x-latest.tar", "-o", "-"]).stdout;
    assert_eq!(piped, bench.imgbuild.read("x.html"));
}

#[test]
fn a_build_says_what_was_new_and_what_changed() {
    // Its names are its own: what a tag stood for until now is asked.
    let bench = Bench::new();
    bench.conda(&["odd-empty", "odd-hardlinks"]);
    bench.run(&["build", "spec.toml", "-o", "out", "--no-check", "--report", "first.html"]);
    let page = bench.imgbuild.path("first.html");
    let seen = seen("build", &page, &[]);
    assert_good(&seen, &page);
    let first = bench.imgbuild.read("first.html");
    for part in [
        "It is the first image of its tag in this store.",
        "<h2>Timings</h2>",
        "<strong>locking</strong>",
        "<strong>downloads</strong>",
        "<strong>layers made</strong>",
        "<td>new</td>",
        "None were run.",
    ] {
        assert!(first.contains(part), "{part}");
    }
    bench.conda(&["odd-empty"]);
    bench.run(&["build", "spec.toml", "-o", "out", "--no-check", "--report", "second.html"]);
    let second = bench.imgbuild.read("second.html");
    for part in
        ["conda/odd-hardlinks in /opt/conda", "<span class=\"mark bad\">removed</span>", "<td>reused</td>"]
    {
        assert!(second.contains(part), "{part}");
    }
    bench.run(&["build", "spec.toml", "-o", "out", "--no-check", "--report", "third.html"]);
    let third = bench.imgbuild.read("third.html");
    assert!(third.contains("They are the same image, bit for bit.") && !third.contains("<td>new</td>"));
}

#[test]
fn a_build_of_several_images_is_one_page() {
    let bench = Bench::new();
    bench.spec(
        "tags = [\"{with}\"]\n[matrix]\nwith = [\"odd-empty\", \"odd-hardlinks\"]",
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"{with}\"]",
    );
    bench.run(&["build", "spec.toml", "-o", "out", "--no-check", "--report", "x.html"]);
    let page = bench.imgbuild.path("x.html");
    let seen = seen("several", &page, &[]);
    assert_good(&seen, &page);
    let text = bench.imgbuild.read("x.html");
    for part in ["<h1>2 images built</h1>", "<h1>x:odd-empty (linux/", "<h1>x:odd-hardlinks (linux/"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn two_images_are_seen_side_by_side() {
    let bench = bench(&["odd-empty", "odd-hardlinks"]);
    bench.run(&["build", "spec.toml", "-o", "before", "--no-check"]);
    bench.conda(&["odd-empty", "odd-noarch-generic"]);
    bench.run(&["build", "spec.toml", "-o", "after", "--no-check"]);
    bench.run(&["report", "before/x-latest.tar", "after/x-latest.tar", "--output", "both.html"]);
    let page = bench.imgbuild.path("both.html");
    let seen = seen("pair", &page, &[]);
    assert_good(&seen, &page);
    let text = bench.imgbuild.read("both.html");
    for part in
        ["only in the first", "only in the second", "<h2>What differs</h2>", "Whoever has the first pulls"]
    {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn many_images_are_one_list() {
    let bench = bench(&["odd-empty"]);
    bench.run(&["build", "spec.toml", "-o", "out", "--no-check"]);
    bench.conda(&["odd-hardlinks"]);
    bench.run(&["build", "spec.toml", "-o", "other", "--no-check"]);
    let images = ["catalog", "out/x-latest.tar", "other/x-latest.tar"];
    assert_eq!(bench.run(&[images.as_slice(), &["-o", "pages/"]].concat()).stdout, "pages/index.html\n");
    let page = bench.imgbuild.path("pages/index.html");
    let seen = seen("catalog", &page, &[]);
    assert_good(&seen, &page);
    assert_eq!(seen["plain"]["rows"], json!(2));
    let text = bench.imgbuild.read("pages/index.html");
    for file in ["out-x-latest.tar.html", "other-x-latest.tar.html"] {
        assert!(text.contains(&format!("href=\"{file}\"")), "{file}");
        assert!(bench.imgbuild.read(&format!("pages/{file}")).contains("Where the bytes are"));
    }
    assert_eq!(bench.run(&images).stdout, "catalog.html\n");
    assert!(!bench.imgbuild.read("catalog.html").contains("href="));
}

#[test]
fn an_image_for_cuda_says_what_it_demands_of_machines() {
    let bench = bench(&[]);
    let conda = "[conda]\nchannels = [\"./channel\"]\npackages = [\"cuda-cudart\"]";
    bench.spec("cuda = \"12.9\"\nplatforms = [\"linux/amd64\"]", conda);
    bench.run(&["build", "spec.toml", "-o", "out", "--no-check", "--report", "x.html"]);
    let page = bench.imgbuild.read("x.html");
    let part = page.split("<h2>CUDA</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    for (what, value) in [
        ("demands of the driver", "cuda&gt;=12."),
        ("the spec's version", "12.9"),
        ("oldest driver", ", which supports CUDA 12."),
    ] {
        let said = part.split(&format!("<dt>{what}</dt><dd>")).nth(1);
        let said = said.unwrap_or_else(|| panic!("{what}: {part}")).split("</dd>").next().unwrap();
        assert!(said.contains(value), "{what}: {said}");
    }
}
