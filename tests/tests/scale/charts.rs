//! The Helm chart and the Kustomize bases that run an image: what they render is what the restricted policy wants.

use std::process::Command;

use imgbuild_tests::{Imgbuild, capture, scratch, workspace_root};
use serde_json::{Value, json};

use crate::files::{documents, tool};

/// What is rendered is what Kubernetes takes; its documents.
fn valid(text: &str) -> Vec<Value> {
    let folder = scratch("charts");
    let file = folder.path().join("rendered.yaml");
    fs_err::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    capture(&mut tool("kubernetes-validate", &["--strict", file])).success();
    documents(&[file]).into_iter().map(|(_, document)| document).collect()
}

/// The only document of a kind.
fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = documents.iter().filter(|document| document["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// A Deployment whose pods are as the restricted Pod Security Standard wants them, and its Service finds them.
fn is_restricted(documents: &[Value], port: u16) {
    let (deployment, service) = (of_kind(documents, "Deployment"), of_kind(documents, "Service"));
    let template = &deployment["spec"]["template"];
    let pod = &template["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(
        pod["securityContext"],
        json!({ "runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 100, "seccompProfile": { "type": "RuntimeDefault" } })
    );
    let [container] = pod["containers"].as_array().unwrap().as_slice() else { panic!("{pod}") };
    assert_eq!(
        container["securityContext"],
        json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } })
    );
    let (name, digest) = container["image"].as_str().unwrap().split_once("@sha256:").unwrap();
    assert!(name.starts_with("registry.example/") && digest.len() == 64);
    let mounts: Vec<&str> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["mountPath"].as_str().unwrap())
        .collect();
    assert_eq!(mounts, ["/home/user", "/tmp"]);
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert!(
            container[probe].get("httpGet").is_some() != container[probe].get("exec").is_some(),
            "{probe}"
        );
    }
    assert_eq!(container["ports"][0]["containerPort"], port);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"]);
    assert_eq!(service["spec"]["selector"], template["metadata"]["labels"]);
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
}

/// What the chart renders, with more values.
fn rendered(name: &str, values: &[&str]) -> imgbuild_tests::Outcome {
    let arguments = [&["tests/tests/scale/helm.py", name, "examples/helm/imgbuild-service"], values].concat();
    capture(&mut tool("python", &arguments))
}

#[test]
fn the_chart_runs_a_server() {
    let documents = valid(&rendered("serve", &[]).success().stdout);
    is_restricted(&documents, 8000);
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0], json!({ "name": "home", "emptyDir": {} }));
}

#[test]
fn the_chart_runs_jupyter() {
    let documents =
        valid(&rendered("lab", &["examples/helm/imgbuild-service/values-jupyter.yaml"]).success().stdout);
    is_restricted(&documents, 8888);
    let deployment = of_kind(&documents, "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], "lab");
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    assert_eq!(pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["key"], "token");
    assert_eq!(pod["containers"][0]["livenessProbe"]["exec"]["command"], json!(["imgbuild-health"]));
}

#[test]
fn everything_that_the_chart_takes_goes_where_it_belongs() {
    let folder = scratch("values");
    let values = folder.path().join("values.yaml");
    let text = "image: { pullSecrets: [{ name: pull }] }\nargs: [serve, --fast]\nenvFrom: [{ secretRef: { name: keys } }]\n\
                nodeSelector: { gpu: a100 }\ntolerations: [{ key: gpu, operator: Exists }]\n\
                resources: { limits: { nvidia.com/gpu: 1 } }\n";
    fs_err::write(&values, text).unwrap();
    let documents = valid(&rendered("serve", &[values.to_str().unwrap()]).success().stdout);
    is_restricted(&documents, 8000);
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["imagePullSecrets"], json!([{ "name": "pull" }]));
    assert_eq!(pod["containers"][0]["args"], json!(["serve", "--fast"]));
    assert_eq!(pod["containers"][0]["envFrom"], json!([{ "secretRef": { "name": "keys" } }]));
    assert_eq!(pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"], 1);
    assert_eq!(pod["nodeSelector"], json!({ "gpu": "a100" }));
    assert_eq!(pod["tolerations"], json!([{ "key": "gpu", "operator": "Exists" }]));
}

#[test]
fn the_chart_refuses_values_that_it_does_not_know() {
    let folder = scratch("values");
    let values = folder.path().join("values.yaml");
    for text in ["port: 80\n", "image: { digest: latest }\n", "replica: 2\n"] {
        fs_err::write(&values, text).unwrap();
        let said = rendered("serve", &[values.to_str().unwrap()]).failure();
        assert!(said.stderr.contains("ValidationError"), "{text}: {}", said.stderr);
    }
}

#[test]
fn the_bases_of_kustomize() {
    for (folder, port) in [("base", 8000), ("jupyter", 8888)] {
        let mut kubectl = Command::new("kubectl");
        let folder = format!("examples/kustomize/{folder}");
        kubectl.args(["kustomize", &folder]).current_dir(workspace_root());
        is_restricted(&valid(&capture(&mut kubectl).success().stdout), port);
    }
}

/// The port and the probes of the server are those of the image that the examples speak of.
#[test]
fn the_image_serves_where_it_is_asked() {
    let imgbuild = Imgbuild::new();
    let spec = imgbuild.maintained("pytorch-serve-wheels");
    assert!(spec.contains("expose      = [8000]"), "{spec}");
    assert!(imgbuild.read("pytorch-serve/serve.py").contains("@app.get(\"/healthz\")"));
    let documents = valid(&rendered("serve", &[]).success().stdout);
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/healthz");
}
