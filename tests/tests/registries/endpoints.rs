//! The distribution specification's endpoints, item by item: which of them the client asks for, when, and in which form.

use std::collections::BTreeMap;

use imgbuild_tests::distribution::{Behaviour, Distribution, Kind, Profile};
use insta::assert_snapshot;

use crate::client::{Asking, Picture, noise};

/// The name of an endpoint in the specification's table, and what it is for.
fn endpoint(kind: Kind) -> &'static str {
    match kind {
        Kind::Version => "end-1 version",
        Kind::HeadBlob => "end-2 HEAD blob",
        Kind::GetBlob => "end-2 GET blob",
        Kind::HeadManifest => "end-3 HEAD manifest",
        Kind::GetManifest => "end-3 GET manifest",
        Kind::StartUpload => "end-4 upload",
        Kind::Chunk => "end-5 chunk",
        Kind::FinishUpload => "end-6 end of an upload",
        Kind::PutManifest => "end-7 PUT manifest",
        Kind::Tags => "end-8 tags",
        Kind::DeleteManifest => "end-9 DELETE manifest",
        Kind::DeleteBlob => "end-10 DELETE blob",
        Kind::Mount => "end-11 mount",
        Kind::Referrers => "end-12 referrers",
        Kind::UploadStatus => "end-13 GET upload",
        Kind::CancelUpload => "end-14 DELETE upload",
        Kind::Token | Kind::Elsewhere | Kind::Other => "none of them",
    }
}

#[test]
fn every_endpoint_is_asked_for_as_the_specification_has_it() {
    let registry = Distribution::setup()
        .profile(Profile { page: 1, request_limit: Some(2 << 20), ..Profile::specification() })
        .hook(|request| match request.kind {
            Kind::Chunk if request.before == 1 => Behaviour::CloseAfter(1000),
            _ => Behaviour::Right,
        })
        .start();
    let asking = Asking::new();
    let picture = Picture::new(&[noise(3 << 20, 1)]);
    let reference = format!("{}/base", registry.address()).parse().unwrap();
    let remote = asking.runtime.block_on(asking.registries.open(&reference)).unwrap();
    let mut exchanges = registry.exchanges();
    asking.push(&registry, "base", &picture).unwrap();
    exchanges.extend(registry.exchanges());
    let image = picture.at_home(&registry, "base", &["1", "2", "3"]);
    asking.push_with(&registry, "image", &image, Default::default()).unwrap();
    exchanges.extend(registry.exchanges());
    asking.pull(&registry, "image", "2").unwrap();
    exchanges.extend(registry.exchanges());
    asking.tags(&registry, "image").unwrap();
    exchanges.extend(registry.exchanges());
    registry.forget();
    asking.runtime.block_on(remote.referrers(&picture.manifest.digest)).unwrap();
    exchanges.extend(registry.exchanges());
    let mut forms: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for exchange in exchanges {
        let request = exchange.request;
        let keys = request.query.iter().map(|(key, _)| key.as_str()).filter(|key| *key != "_state");
        let keys = keys.collect::<Vec<_>>().join("&");
        let query = if keys.is_empty() { String::new() } else { format!("?{keys}") };
        let name = request.name.as_str();
        let path = registry.named(&request.path).replacen(name, "<name>", usize::from(!name.is_empty()));
        let path = match path.split_once("upload-") {
            Some((before, _)) => format!("{before}<reference>"),
            None => path,
        };
        let mut told = ["accept", "content-type", "content-range", "range", "content-length"]
            .into_iter()
            .filter(|header| request.headers.contains_key(*header))
            .collect::<Vec<_>>()
            .join(", ");
        if !told.is_empty() {
            told = format!(" [{told}]");
        }
        let status = exchange.status.map_or("closed".to_owned(), |status| status.to_string());
        let form = format!("{} {path}{query}{told} -> {status}", request.method);
        *forms.entry((endpoint(request.kind), form)).or_default() += 1;
    }
    let lines: Vec<String> = forms.keys().map(|(endpoint, form)| format!("{endpoint}: {form}")).collect();
    assert_snapshot!(lines.join("\n"), @r"
    end-1 version: GET /v2/ [accept] -> 200
    end-11 mount: POST /v2/<name>/blobs/uploads/?mount&from [accept, content-length] -> 201
    end-12 referrers: GET /v2/<name>/referrers/MANIFEST [accept] -> 200
    end-13 GET upload: GET /v2/<name>/blobs/uploads/<reference> [accept] -> 204
    end-14 DELETE upload: DELETE /v2/<name>/blobs/uploads/<reference> [accept] -> 204
    end-2 GET blob: GET /v2/<name>/blobs/CONFIG [accept] -> 200
    end-2 GET blob: GET /v2/<name>/blobs/LAYER [accept] -> 200
    end-3 GET manifest: GET /v2/<name>/manifests/2 [accept] -> 200
    end-3 HEAD manifest: HEAD /v2/<name>/manifests/1 [accept] -> 404
    end-3 HEAD manifest: HEAD /v2/<name>/manifests/2 [accept] -> 404
    end-3 HEAD manifest: HEAD /v2/<name>/manifests/3 [accept] -> 404
    end-4 upload: POST /v2/<name>/blobs/uploads/ [accept, content-length] -> 202
    end-5 chunk: PATCH /v2/<name>/blobs/uploads/<reference> [accept, content-type, content-range, content-length] -> 202
    end-5 chunk: PATCH /v2/<name>/blobs/uploads/<reference> [accept, content-type, content-range, content-length] -> closed
    end-6 end of an upload: PUT /v2/<name>/blobs/uploads/<reference>?digest [accept, content-length] -> 201
    end-6 end of an upload: PUT /v2/<name>/blobs/uploads/<reference>?digest [accept, content-type, content-length] -> 201
    end-6 end of an upload: PUT /v2/<name>/blobs/uploads/<reference>?digest [accept, content-type, content-length] -> 413
    end-7 PUT manifest: PUT /v2/<name>/manifests/1 [accept, content-type, content-length] -> 201
    end-7 PUT manifest: PUT /v2/<name>/manifests/MANIFEST?tag&tag&tag [accept, content-type, content-length] -> 201
    end-8 tags: GET /v2/<name>/tags/list [accept] -> 200
    end-8 tags: GET /v2/<name>/tags/list?n [accept] -> 404
    end-8 tags: GET /v2/<name>/tags/list?n&last [accept] -> 200
    ");
}
