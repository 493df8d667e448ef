use std::collections::BTreeMap;

use imgbuild_environment::Condarc;
use imgbuild_net::Trust;
use url::Url;

use super::condarc::Variables;
use super::serving::ALIAS;
use super::{ChannelSettings, LeftOpen};

const DEFAULTS: &str = "https://repo.anaconda.com/pkgs/";

/// A certificate that has signed itself.
const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUV8YSYUHy3H0435NtlmmHuEa0MnIwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjgwNzE3NTVaGA8yMTI2MTEwNDA3MTc1
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBZv
UIeoJIHr1LhV60R+03DI4fNrVPD1hX5ONp2MTEKduMnlV/cw0Yx2nR/uNRbWLIvU
UqPffHklx3Kf+bsMFuWjUzBRMB0GA1UdDgQWBBRXksSmblZ4JBr+iWy/fPB6CF8u
uzAfBgNVHSMEGDAWgBRXksSmblZ4JBr+iWy/fPB6CF8uuzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCNX1yCW7NenSvKuRvl/vP4zlSdIQSlqhvs
YvJtnXOIbgIgT7ktsfcUtzifMmvclSeO4UtQsCxjX6Bhx1+epstxjdY=
-----END CERTIFICATE-----
";

fn settings(texts: &[&str], variables: &[(&str, &str)]) -> ChannelSettings {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let read =
        |(number, text): (usize, &&str)| Condarc::read(&format!("{number}.yml"), (*text).to_owned()).unwrap();
    ChannelSettings::of(&texts.iter().enumerate().map(read).collect::<Vec<_>>(), &variables).unwrap()
}

fn mirrors(settings: &ChannelSettings, channel: &str) -> String {
    let url = Url::parse(&format!("{channel}/")).unwrap();
    settings.mirrors(&url).iter().map(Url::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn who_serves_a_channel() {
    let text = "channel_alias: https://alias.example/conda\n\
                custom_channels: {conda-forge: \"https://cloud.example/cloud/\", corp: \"https://corp.example\"}\n\
                mirrored_channels: {bioconda: [\"https://one.example/b\", \"oci://two.example/b\"]}\n";
    let found = settings(&[text], &[]);
    let named = |name: &str| mirrors(&found, &format!("{ALIAS}{name}"));
    assert_eq!(named("conda-forge"), "https://cloud.example/cloud/conda-forge/");
    assert_eq!(named("corp/team"), "https://corp.example/corp/team/");
    assert_eq!(named("bioconda"), "https://one.example/b/ oci://two.example/b/");
    assert_eq!(named("pytorch"), "https://alias.example/conda/pytorch/");
    // A channel that is written as a URL of its own is nobody else's.
    assert_eq!(mirrors(&found, "https://internal.example/channel"), "");
    assert_eq!(
        mirrors(&settings(&["channel_alias: https://conda.anaconda.org\n"], &[]), &format!("{ALIAS}a")),
        ""
    );
    let served: Vec<String> = found.served().into_iter().map(|(channel, _)| channel.to_string()).collect();
    assert_eq!(served, ["bioconda/", "conda-forge/", "corp/", ""].map(|name| format!("{ALIAS}{name}")));
}

#[test]
fn later_files_count_more_but_for_what_is_marked() {
    let alias =
        |texts: &[&str]| settings(texts, &[]).serving.alias.map(|url| url.to_string()).unwrap_or_default();
    let (first, second) = ("channel_alias: https://a.example\n", "channel_alias: https://b.example\n");
    assert_eq!(alias(&[first, second]), "https://b.example/");
    assert_eq!(alias(&["channel_alias: https://a.example #!final\n", second]), "https://a.example/");
    let defaults = |texts: &[&str]| settings(texts, &[]).channels("defaults").unwrap().join(" ");
    let (one, two) = ("default_channels: [a, b]\n", "default_channels: [c, a]\n");
    assert_eq!(defaults(&[one, two]), "c a b");
    assert_eq!(defaults(&["default_channels: #!final\n- a\n- b\n", two]), "a b");
    assert_eq!(defaults(&["default_channels:\n- a\n- b #!top\n", two]), "b c a");
    assert_eq!(defaults(&[one, "default_channels:\n- c #!bottom\n- a\n"]), "a b c");
    let custom = |texts: &[&str]| mirrors(&settings(texts, &[]), &format!("{ALIAS}x"));
    let (one, two) = (
        "custom_channels: {x: \"https://a.example\", y: \"https://a.example\"}\n",
        "custom_channels: {x: \"https://b.example\"}\n",
    );
    assert_eq!(custom(&[one, two]), "https://b.example/x/");
    assert_eq!(custom(&["custom_channels:\n  x: https://a.example #!final\n", two]), "https://a.example/x/");
    assert_eq!(custom(&["custom_channels: #!final\n  y: https://a.example\n", two]), "");
}

#[test]
fn a_place_of_conda_s_default_channels_is_a_mirror_of_them() {
    let text = "default_channels:\n- https://me:s3cret@mirror.example/a/pkgs/main\n- https://mirror.example/a/pkgs/r\n\
                custom_multichannels: {ours: [\"https://in.example/t/t0/team\"]}\n";
    let found = settings(&[text], &[]);
    assert_eq!(found.channels("defaults").unwrap(), ["main", "r"].map(|name| format!("{DEFAULTS}{name}")));
    assert_eq!(mirrors(&found, &format!("{DEFAULTS}main")), "https://me:s3cret@mirror.example/a/pkgs/main/");
    // What gets into a lock has no credentials.
    assert_eq!(found.channels("ours").unwrap(), ["https://in.example/team"]);
    assert_eq!(mirrors(&found, "https://in.example/team"), "https://in.example/t/t0/team/");
    assert_eq!(found.channels("conda-forge"), None);
}

#[test]
fn what_chooses_other_packages_is_told() {
    let notes = |text: &str, channel: &str, priority: bool| {
        let open = LeftOpen { priority, channels: true };
        settings(&[text], &[]).notes([channel], open).join("\n")
    };
    let mirror = "default_channels:\n- https://mirror.example/anaconda/pkgs/main\n- https://mirror.example/anaconda/pkgs/r/\n- https://mirror.example/anaconda/pkgs/msys2\n";
    assert_eq!(notes(mirror, "defaults", true), "");
    assert_eq!(
        notes("default_channels: [conda-forge]\n", "defaults", true),
        "the channel `defaults` is `conda-forge` here, by 0.yml"
    );
    assert_eq!(notes("default_channels: [conda-forge]\n", "conda-forge", true), "");
    assert_eq!(
        notes("custom_multichannels: {ours: [\"https://in.example/a\", conda-forge]}\n", "ours", true),
        "the channel `ours` is `https://in.example/a` and `conda-forge` here, by 0.yml"
    );
    let loose = "channel_priority: flexible\n";
    assert_eq!(
        notes(loose, "a", true),
        "channels have the priority `flexible`, by 0.yml:1: the spec says nothing of it"
    );
    assert_eq!(notes(loose, "a", false), "");
    assert_eq!(notes("channel_priority: strict\n", "a", true), "");
    assert_eq!(
        notes("ssl_verify: false\n", "a", true),
        "the certificates of the servers of channels are not checked, by 0.yml:1"
    );
}

#[test]
fn channels_that_only_conda_would_use_are_told() {
    let notes = |text: &str, channels: &[&str]| {
        let settings = settings(&[text], &[]);
        let of = |channels_are_open| {
            let open = LeftOpen { priority: false, channels: channels_are_open };
            settings.notes(channels.iter().copied(), open).join("\n")
        };
        assert_eq!(of(false), "", "{text}");
        of(true)
    };
    let told = "as well, by 0.yml: here only the channels count that the spec and its files name";
    let text = "channels: [conda-forge, \"https://me:s3cret@in.example/t/t0/team/\", defaults]\n";
    assert_eq!(
        notes(text, &["conda-forge"]),
        format!("conda would look in `https://in.example/team` and `defaults` {told}")
    );
    assert_eq!(notes(text, &["defaults", "conda-forge", "https://in.example/team"]), "");
    assert_eq!(
        notes("channels: defaults\n", &["conda-forge"]),
        format!("conda would look in `defaults` {told}")
    );
    // It is not used, so it may be what it likes.
    assert_eq!(notes("channels: [\"ftp://a\"]\n", &["b"]), format!("conda would look in `ftp://a` {told}"));
    assert_eq!(notes("channels: []\n", &["b"]), "");
}

#[test]
fn a_name_is_below_what_serves_it_whatever_it_looks_like() {
    let alias = settings(&["channel_alias: https://alias.example/conda?key=K\n"], &[]);
    let custom = settings(&["custom_channels: {corp: \"oci://in.example/x//\"}\n"], &[]);
    for (name, below_alias, below_custom) in [
        ("corp", "corp/", "corp/"),
        ("/corp", "corp/", "corp/"),
        ("corp/c:d", "corp/c:d/", "corp/c:d/"),
        ("corp/label/a%20b", "corp/label/a%20b/", "corp/label/a%20b/"),
        ("//other.example/corp", "other.example/corp/", ""),
        ("a:b", "a:b/", ""),
        ("http:/other.example", "http:/other.example/", ""),
    ] {
        let found = |settings| mirrors(settings, &format!("{ALIAS}{name}"));
        assert_eq!(found(&alias), format!("https://alias.example/conda/{below_alias}?key=K"), "{name}");
        let expected =
            if below_custom.is_empty() { "" } else { &format!("oci://in.example/x/{below_custom}") };
        assert_eq!(found(&custom), expected, "{name}");
    }
}

#[test]
fn a_folder_of_this_machine_is_the_channel_itself() {
    let found = settings(&["default_channels: [\"file:///srv/pkgs/main\", ./own]\n"], &[]);
    assert_eq!(found.channels("defaults").unwrap(), ["file:///srv/pkgs/main", "./own"]);
    assert_eq!(found.served(), []);
}

#[test]
fn variables_of_requests_say_whom_to_trust_before_the_files_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.pem");
    std::fs::write(&path, AUTHORITY).unwrap();
    let path = path.to_str().unwrap();
    let trust =
        |text: &str, variables: &[(&str, &str)]| settings(&[text], variables).reaching.transport.trust;
    let ours = Trust::Only(AUTHORITY.as_bytes().to_vec());
    assert!(trust("", &[]) == Trust::System);
    assert!(trust(&format!("ssl_verify: {path}\n"), &[]) == ours);
    for text in ["", "ssl_verify: false\n", "ssl_verify: /no/such/file.pem\n"] {
        assert!(trust(text, &[("REQUESTS_CA_BUNDLE", path)]) == ours, "{text}");
        assert!(trust(text, &[("CURL_CA_BUNDLE", path)]) == ours, "{text}");
    }
    assert!(trust("ssl_verify: false\n", &[("REQUESTS_CA_BUNDLE", "")]) == Trust::Anybody);
    // OpenSSL's own say what the system trusts, which is what is asked when nobody says anything.
    assert!(trust("ssl_verify: false\n", &[("SSL_CERT_FILE", path)]) == Trust::Anybody);
    let wrong = ChannelSettings::of(&[], &Variables::from([("CURL_CA_BUNDLE".to_owned(), "/no".to_owned())]));
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "the certificates in `/no` cannot be read, which `CURL_CA_BUNDLE` names"
    );
}

#[test]
fn what_cannot_be_used_is_told_with_its_place() {
    let wrong = |text: &str| {
        let read = Condarc::read("c.yml", text.to_owned()).unwrap();
        let error = ChannelSettings::of(&[read], &BTreeMap::new()).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        error.to_string()
    };
    assert_eq!(wrong("channel_alias: mirror\n"), "this is not a URL: relative URL without a base");
    let not_served = |scheme: &str| {
        format!(
            "a channel is served by `https://…`, `http://…`, `oci://…` or a folder `file:///…`, not by `{scheme}:`"
        )
    };
    for url in ["ftp://a.example", "file://a.example/srv", "oci:a", "ftp://me:s3cret@a.example"] {
        let expected = not_served(url.split(':').next().unwrap());
        assert_eq!(wrong(&format!("channel_alias: \"{url}\"\n")), expected);
        assert_eq!(wrong(&format!("custom_channels: {{a: \"{url}\"}}\n")), expected);
        assert_eq!(wrong(&format!("mirrored_channels: {{a: [\"{url}\"]}}\n")), expected);
    }
    assert_eq!(wrong("default_channels: [\"ftp://a.example/main\"]\n"), not_served("ftp"));
    assert_eq!(
        wrong("custom_channels: {\"https://me:s3cret@a.example\": \"https://b.example\"}\n"),
        "`custom_channels` has names of channels, and `https://a.example` is none"
    );
    assert_eq!(
        wrong("mirrored_channels: {\"http://[\": [\"https://b.example\"]}\n"),
        "`http://[` is not a channel"
    );
    assert_eq!(
        wrong("proxy_servers: {https: \"socks5://a.example\"}\n"),
        "proxies are spoken to by `http://` or `https://`, not by `socks5://`"
    );
    assert_eq!(
        wrong("ssl_verify: /no/such/file.pem\n"),
        "the certificates in `/no/such/file.pem` cannot be read: No such file or directory (os error 2)"
    );
    assert_eq!(
        wrong("ssl_verify: /dev/null\n"),
        "the certificates in `/dev/null` cannot be read: it holds no certificate in PEM"
    );
    assert_eq!(
        wrong("client_ssl_cert: /no/such.pem\n"),
        "the certificate in `/no/such.pem` cannot be used: No such file or directory (os error 2)"
    );
    assert_eq!(
        wrong("client_ssl_cert: /dev/null\nclient_ssl_cert_key: /dev/null\n"),
        "the certificate in `/dev/null` with the key in `/dev/null` cannot be used: a certificate and a key without a password, in PEM, are what is needed"
    );
    assert_eq!(
        wrong("client_ssl_cert_key: /no/such.key\n"),
        "a key without a certificate: `client_ssl_cert` names that"
    );
}

#[test]
fn files_are_found_where_conda_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |path: &str, name: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("channel_alias: https://{name}.example\n")).unwrap();
    };
    let mut variables = BTreeMap::new();
    let mut set =
        |name: &str, path: &str| variables.insert(name.to_owned(), root.join(path).display().to_string());
    set("HOME", "home");
    set("CONDA_ROOT", "conda");
    set("XDG_CONFIG_HOME", "xdg");
    set("CONDA_PREFIX", "prefix");
    set("CONDARC", "named.yaml");
    let found = |variables: &Variables| {
        let alias = ChannelSettings::read(variables, root).unwrap().serving.alias;
        alias.map(|url| url.host_str().unwrap().trim_end_matches(".example").to_owned())
    };
    assert_eq!(found(&variables), None);
    for (path, name) in [
        ("etc/conda/.condarc", "one"),
        ("etc/conda/condarc.d/a.yml", "two"),
        ("etc/conda/condarc.d/b.yaml", "three"),
        ("var/lib/conda/condarc", "four"),
        ("conda/.condarc", "five"),
        ("xdg/conda/condarc", "six"),
        ("home/.config/conda/.condarc", "seven"),
        ("home/.conda/condarc.d/x.yml", "eight"),
        ("home/.condarc", "nine"),
        ("prefix/.condarc", "ten"),
        ("named.yaml", "eleven"),
    ] {
        write(path, name);
        assert_eq!(found(&variables).as_deref(), Some(name));
    }
    write("etc/conda/condarc.d/c.txt", "other");
    variables.insert("CONDA_CHANNEL_ALIAS".to_owned(), "https://twelve.example".to_owned());
    assert_eq!(found(&variables).as_deref(), Some("twelve"));
    std::fs::write(root.join("etc/conda/.condarc"), "channel_alias: https://final.example #!final\n")
        .unwrap();
    assert_eq!(found(&variables).as_deref(), Some("final"));
    variables.insert("IMGBUILD_NO_CONDARC".to_owned(), "1".to_owned());
    assert_eq!(found(&variables), None);
}
