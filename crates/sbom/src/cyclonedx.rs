//! CycloneDX 1.6 (ECMA-424), with what BSI TR-03183-2 2.1 wants of it.

use std::collections::BTreeMap;

use imgbuild_licence::Licence;
use serde_json::{Value, json};

use crate::bill::{Bill, Component, Place, image_purl};
use crate::json::known;
use crate::unique::uuid;
use crate::{Completeness, Contact};

pub(crate) fn document(bill: &Bill<'_>) -> Value {
    let mut components: Vec<Value> =
        bill.system.iter().map(|(reference, it)| system(reference, it)).collect();
    let is_nested = |it: &&Component<'_>| bill.place == Place::Within && it.is_found_by_its_files();
    let (nested, beside): (Vec<_>, Vec<_>) = bill.components.values().partition(is_nested);
    components.extend(beside.into_iter().map(|it| component(it, bill.place)));
    components.extend(environments(&nested));
    known(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid("cyclonedx", &bill.image.identity)),
        "version": 1,
        "metadata": metadata(bill),
        "components": components,
        "dependencies": dependencies(bill),
        "compositions": compositions(bill),
    }))
}

fn metadata(bill: &Bill<'_>) -> Value {
    let image = bill.image;
    let phase = match image.completeness {
        Completeness::Complete => "build",
        Completeness::Unknown => "post-build",
    };
    json!({
        "timestamp": bill.created,
        "lifecycles": [{ "phase": phase }],
        "tools": { "components": [{
            "type": "application",
            "name": "imgbuild",
            "version": image.tool_version,
            "externalReferences": [{ "type": "website", "url": Contact::of_program().url }],
        }] },
        "manufacturer": entity(&bill.creator),
        "component": {
            "type": "container",
            "bom-ref": bill.root,
            "name": image.name,
            "version": image.tag.clone().or_else(|| image.digest.map(|it| it.to_string())),
            "purl": image_purl(image),
            "hashes": image.digest.map(|it| vec![hash("SHA-256", &it.hex())]),
            "manufacturer": entity(&image.creator),
        },
    })
}

/// The system: scanners choose by it which distribution's advisories its packages are held against.
fn system(reference: &str, system: &imgbuild_inventory::System) -> Value {
    json!({
        "type": "operating-system",
        "bom-ref": reference,
        "name": system.id,
        "version": system.version.as_ref().or(system.codename.as_ref()),
    })
}

/// What scanners find by its own files, within its environment: Trivy passes over components within others, and would list it twice.
fn environments(nested: &[&Component<'_>]) -> Vec<Value> {
    let mut environments: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for it in nested {
        let name = it.environment.map_or_else(|| "/".to_owned(), ToString::to_string);
        environments.entry(name).or_default().push(component(it, Place::Within));
    }
    let environment = |(name, components): (String, Vec<Value>)| json!({ "type": "platform", "bom-ref": format!("environment:{name}"), "name": name, "components": components });
    environments.into_iter().map(environment).collect()
}

fn component(component: &Component<'_>, place: Place) -> Value {
    let package = component.package;
    let distribution = component.distribution.as_ref();
    // Of the archive, which is what the component was installed from. Trivy warns of hashes that it does not know, so that the
    // SHA-512 stands only where TR-03183-2 has it, with the archive's place.
    let digests = distribution.iter().flat_map(|it| &it.hashes).filter(|(name, _)| *name == "SHA-256");
    json!({
        // Of no other type does Trivy list a package of conda.
        "type": "library",
        "bom-ref": component.reference,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        "description": package.and_then(|it| it.summary.as_deref()),
        "manufacturer": entity(&component.creator),
        "licenses": component.licence.as_ref().map(licences),
        "hashes": digests.map(|(name, hex)| hash(name, hex)).collect::<Vec<_>>(),
        "externalReferences": references(component),
        "properties": properties(component, place),
    })
}

fn hash(name: &str, hex: &str) -> Value {
    json!({ "alg": name, "content": hex })
}

/// An organisation; nothing where nothing is known of it.
fn entity(contact: &Contact) -> Option<Value> {
    contact.label()?;
    let address = contact.email.as_ref().map(|it| vec![json!({ "name": contact.name, "email": it })]);
    Some(json!({ "name": contact.name, "url": contact.url.iter().collect::<Vec<_>>(), "contact": address }))
}

/// The licence that a package states, as the one that it was given out under ("concluded") and the one that its makers chose
/// ("declared"): nothing but its own words tells either. Of an expression the form allows one, and then it is the former, which
/// TR-03183-2 asks for first.
fn licences(licence: &Licence) -> Vec<Value> {
    let both = |name: &str, value: &str| {
        let entry = |word: &str| json!({ "license": { name: value, "acknowledgement": word } });
        vec![entry("concluded"), entry("declared")]
    };
    match (licence.identifier(), licence.expression()) {
        (Some(identifier), _) => both("id", identifier),
        (None, Some(expression)) => vec![json!({ "expression": expression, "acknowledgement": "concluded" })],
        (None, None) => vec![json!({ "license": { "name": licence.name(), "acknowledgement": "declared" } })],
    }
}

fn references(component: &Component<'_>) -> Vec<Value> {
    let page = component.package.and_then(|it| it.homepage.as_deref());
    let page = page.map(|page| json!({ "type": "website", "url": page }));
    let distribution = component.distribution.as_ref().map(|it| {
        let hashes: Vec<Value> = it.hashes.iter().map(|(name, hex)| hash(name, hex)).collect();
        json!({ "type": "distribution", "url": it.url, "hashes": hashes })
    });
    page.into_iter().chain(distribution).collect()
}

/// What has no field: BSI's properties (`tr-03183-cyclonedx-property-taxonomy`), the source package as Trivy reads it, which holds
/// Debian's packages against advisories by it, and our own.
fn properties(component: &Component<'_>, place: Place) -> Vec<Value> {
    let mut properties: Vec<(&str, String)> = Vec::new();
    if let Some(distribution) = &component.distribution {
        // An archive is not executed, it is one, and it says what is in it.
        properties.push(("bsi:component:archive", "archive".to_owned()));
        properties.push(("bsi:component:executable", "non-executable".to_owned()));
        properties.push(("bsi:component:filename", distribution.name.to_owned()));
        properties.push(("bsi:component:structured", "structured".to_owned()));
    }
    let licence = component.licence.as_ref().filter(|_| place == Place::Beside);
    properties.extend(licence.map(|it| ("bsi:component:effectiveLicence", it.as_expression())));
    if let Some((name, version)) = component.source() {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        properties.push(("aquasecurity:trivy:SrcName", name.to_owned()));
        properties.push(("aquasecurity:trivy:SrcEpoch", epoch.to_owned()));
        properties.push(("aquasecurity:trivy:SrcVersion", upstream.to_owned()));
        properties.push(("aquasecurity:trivy:SrcRelease", release.to_owned()));
    }
    properties.extend(component.named_environment().map(|it| ("imgbuild:environment", it.to_string())));
    let package = component.package;
    let size = package.and_then(|it| it.installed_size).map(|it| ("imgbuild:installed-size", it.to_string()));
    properties.extend(size);
    properties
        .extend(package.iter().flat_map(|it| &it.requested).map(|it| ("imgbuild:requested", it.clone())));
    let given = properties.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn dependencies(bill: &Bill<'_>) -> Vec<Value> {
    let mut all = vec![json!({
        "ref": bill.root,
        "dependsOn": bill.system.iter().map(|(reference, _)| reference).chain(&bill.direct).collect::<Vec<_>>(),
    })];
    all.extend(bill.system.iter().map(|(it, _)| json!({ "ref": it, "dependsOn": bill.of_system })));
    all.extend(bill.components.values().map(|it| json!({ "ref": it.reference, "dependsOn": it.depends_on })));
    all
}

/// How complete this is. What packages require is known whole by a lock; files that are of no package are nowhere told.
fn compositions(bill: &Bill<'_>) -> Vec<Value> {
    let aggregate = match bill.image.completeness {
        Completeness::Complete => "complete",
        Completeness::Unknown => "unknown",
    };
    let references: Vec<&String> = bill.components.keys().collect();
    vec![
        json!({ "aggregate": "unknown", "assemblies": [bill.root] }),
        json!({ "aggregate": aggregate, "dependencies": references }),
    ]
}
