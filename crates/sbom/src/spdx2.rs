//! SPDX 2.3 (ISO/IEC 5962 is 2.2.1), for those that do not read 3.

use std::collections::BTreeMap;

use imgbuild_inventory::System;
use serde_json::{Value, json};

use crate::bill::{Bill, Component, image_purl, tool};
use crate::json::known;
use crate::unique::{uuid, word};
use crate::{Completeness, Contact};

/// What stands where nothing is known.
const UNKNOWN: &str = "NOASSERTION";
/// The document itself.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

pub(crate) fn document(bill: &Bill<'_>) -> Value {
    let image = bill.image;
    let mut packages = vec![root(bill)];
    packages.extend(bill.system.iter().map(|(reference, it)| system(reference, it)));
    packages.extend(bill.components.values().map(package));
    let creators = [format!("Tool: {}", tool(image)), actor(&bill.creator)];
    known(json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": image.name,
        "documentNamespace": namespace(bill, "spdx-2.3"),
        "creationInfo": {
            "created": bill.created,
            "creators": creators,
            "licenseListVersion": list_version(),
        },
        "documentDescribes": [id_of_image(bill)],
        "packages": packages,
        "relationships": relationships(bill),
        "hasExtractedLicensingInfos": custom_licences(bill),
    }))
}

/// The namespace of a document's identifiers. SPDX keeps this place for those that have none of their own; nothing is there to be had.
pub(crate) fn namespace(bill: &Bill<'_>, form: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || matches!(it, '.' | '-') { it } else { '-' };
    let name: String = bill.image.name.chars().map(plain).collect();
    format!("https://spdx.org/spdxdocs/{name}-{}", uuid(form, &bill.image.identity))
}

/// The version of SPDX's licence list without what was corrected in it: `3.28`.
fn list_version() -> String {
    imgbuild_licence::list_version().split('.').take(2).collect::<Vec<_>>().join(".")
}

/// An identifier. Trivy knows the image, its system and the others by the words with which they begin.
fn id(kind: &str, reference: &str, name: &str) -> String {
    format!("SPDXRef-{kind}-{}", word(name, reference))
}

fn id_of(component: &Component<'_>) -> String {
    id("Package", &component.reference, &component.name)
}

fn id_of_image(bill: &Bill<'_>) -> String {
    id("ContainerImage", &bill.root, &bill.image.name)
}

fn id_of_system(reference: &str, system: &System) -> String {
    id("OperatingSystem", reference, &system.id)
}

/// An organisation, with the address that it has. A page has no place here.
fn actor(contact: &Contact) -> String {
    let name = contact.label().unwrap_or(UNKNOWN).replace(['(', ')'], "");
    let address = contact.email.as_ref().filter(|email| contact.name.is_some() && !email.is_empty());
    format!("Organization: {name}{}", address.map(|it| format!(" ({it})")).unwrap_or_default())
}

fn root(bill: &Bill<'_>) -> Value {
    let image = bill.image;
    json!({
        "SPDXID": id_of_image(bill),
        "name": image.name,
        "versionInfo": image.tag.clone().or_else(|| image.digest.map(|it| it.to_string())),
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "supplier": image.creator.label().map(|_| actor(&image.creator)),
        "checksums": image.digest.map(|it| vec![checksum("SHA-256", &it.hex())]),
        "externalRefs": image_purl(image).map(|it| vec![purl(&it)]),
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
    })
}

fn system(reference: &str, system: &System) -> Value {
    json!({
        "SPDXID": id_of_system(reference, system),
        "name": system.id,
        "versionInfo": system.version.as_ref().or(system.codename.as_ref()),
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
    })
}

fn package(component: &Component<'_>) -> Value {
    let distribution = component.distribution.as_ref();
    let licence = component.licence.as_ref().map_or_else(|| UNKNOWN.to_owned(), |it| it.as_expression());
    // No other places are download locations there.
    let is_web = |it: &str| it.starts_with("https://") || it.starts_with("http://");
    let place = distribution.filter(|it| is_web(&it.url)).map_or(UNKNOWN, |it| it.url.as_str());
    // Trivy reads the source package out of this text.
    let source = component.source().map(|(name, version)| format!("built package from: {name} {version}"));
    let checksums = distribution.iter().flat_map(|it| &it.hashes);
    json!({
        "SPDXID": id_of(component),
        "name": component.name,
        "versionInfo": component.version,
        "primaryPackagePurpose": "LIBRARY",
        "packageFileName": distribution.map(|it| it.name),
        "downloadLocation": place,
        "filesAnalyzed": false,
        "checksums": checksums.map(|(name, hex)| checksum(name, hex)).collect::<Vec<_>>(),
        "homepage": component.package.and_then(|it| it.homepage.as_deref()),
        "summary": component.package.and_then(|it| it.summary.as_deref()),
        "sourceInfo": source,
        "supplier": component.creator.label().map(|_| actor(&component.creator)),
        "externalRefs": [purl(&component.purl)],
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": UNKNOWN,
        "comment": component.named_environment().map(|it| format!("environment: {it}")),
    })
}

fn purl(purl: &str) -> Value {
    json!({ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl })
}

fn checksum(name: &str, hex: &str) -> Value {
    json!({ "algorithm": name.replace('-', ""), "checksumValue": hex })
}

fn relationships(bill: &Bill<'_>) -> Vec<Value> {
    let root = id_of_image(bill);
    let relation = |from: &str, kind: &str, to: &str| json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to });
    let system = bill.system.as_ref().map(|(reference, it)| id_of_system(reference, it));
    let mut all = vec![relation(DOCUMENT, "DESCRIBES", &root)];
    all.extend(system.iter().map(|it| relation(&root, "CONTAINS", it)));
    let of = |reference: &String| bill.components.get(reference).map(id_of);
    for component in bill.components.values() {
        let own = id_of(component);
        let holder =
            system.as_ref().filter(|_| bill.of_system.contains(&component.reference)).unwrap_or(&root);
        all.push(relation(holder, "CONTAINS", &own));
        all.extend(component.depends_on.iter().filter_map(of).map(|it| relation(&own, "DEPENDS_ON", &it)));
        if component.depends_on.is_empty() && bill.image.completeness == Completeness::Complete {
            all.push(relation(&own, "DEPENDS_ON", "NONE"));
        }
    }
    all.extend(bill.direct.iter().filter_map(of).map(|it| relation(&root, "DEPENDS_ON", &it)));
    all
}

/// The licences that SPDX's list does not have, once each.
fn custom_licences(bill: &Bill<'_>) -> Vec<Value> {
    let custom = bill.components.values().filter_map(|it| it.licence.as_ref()).flat_map(|it| it.custom());
    let custom: BTreeMap<String, String> = custom.map(|it| (it.identifier, it.text)).collect();
    let info = |(identifier, text)| json!({ "licenseId": identifier, "extractedText": text });
    custom.into_iter().map(info).collect()
}
