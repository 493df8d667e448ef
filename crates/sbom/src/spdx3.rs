//! SPDX 3.0.1 as JSON-LD, with what BSI TR-03183-2 2.1 wants of it.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_oci::Digest;
use serde_json::{Value, json};

use crate::bill::{Bill, Component, image_purl, tool};
use crate::json::known;
use crate::spdx2::namespace;
use crate::unique::word;
use crate::{Completeness, Contact};

const CONTEXT: &str = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
/// The one that all elements share, which has no identifier of its own outside of the document.
const CREATION: &str = "_:creation";

/// The elements of a document, as they come.
struct Elements<'a> {
    bill: &'a Bill<'a>,
    namespace: String,
    /// By their identifiers: two that say the same are one.
    all: BTreeMap<String, Value>,
}

pub(crate) fn document(bill: &Bill<'_>) -> Value {
    let mut elements = Elements { bill, namespace: namespace(bill, "spdx-3.0.1"), all: BTreeMap::new() };
    let tool = elements.add("tool", json!({ "type": "Tool", "name": tool(bill.image) }));
    let creator = elements.organisation(&bill.creator).unwrap_or_default();
    let image = elements.image();
    if let Some((reference, system)) = &bill.system {
        let name = &system.id;
        let version = system.version.as_ref().or(system.codename.as_ref());
        let it = json!({
            "type": "software_Package",
            "name": name,
            "software_packageVersion": version,
            "software_primaryPurpose": "operatingSystem",
        });
        elements.add(&word(name, reference), it);
    }
    for component in bill.components.values() {
        elements.component(component);
    }
    elements.relationships(&image);
    elements.finish(&image, &creator, &tool)
}

impl Elements<'_> {
    fn id(&self, word: &str) -> String {
        format!("{}#{word}", self.namespace)
    }

    fn id_of(&self, reference: &str) -> Option<String> {
        let component = self.bill.components.get(reference)?;
        Some(self.id(&word(&component.name, reference)))
    }

    fn system_id(&self) -> Option<String> {
        let (reference, system) = self.bill.system.as_ref()?;
        Some(self.id(&word(&system.id, reference)))
    }

    fn add(&mut self, word: &str, mut element: Value) -> String {
        let id = self.id(word);
        if let Value::Object(fields) = &mut element {
            fields.insert("spdxId".to_owned(), json!(id));
            fields.insert("creationInfo".to_owned(), json!(CREATION));
        }
        self.all.insert(id.clone(), element);
        id
    }

    fn organisation(&mut self, contact: &Contact) -> Option<String> {
        let label = contact.label()?;
        let identifier = |kind: &str, text: &String| json!({ "type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": text });
        let address = contact.email.as_ref().map(|it| identifier("email", it));
        let page = contact.url.as_ref().map(|it| identifier("urlScheme", it));
        let ways: Vec<Value> = address.into_iter().chain(page).collect();
        let told = format!("{label} {:?} {:?}", contact.email, contact.url);
        let element = json!({ "type": "Organization", "name": label, "externalIdentifier": ways });
        Some(self.add(&format!("organisation-{}", short(&told)), element))
    }

    fn image(&mut self) -> String {
        let (image, root) = (self.bill.image, &self.bill.root);
        let by = self.organisation(&image.creator);
        let element = json!({
            "type": "software_Package",
            "name": image.name,
            "software_packageVersion": image.tag.clone().or_else(|| image.digest.map(|it| it.to_string())),
            "software_primaryPurpose": "container",
            "software_packageUrl": image_purl(image),
            "externalIdentifier": image_purl(image).map(|it| vec![purl(&it)]),
            "originatedBy": by.iter().collect::<Vec<_>>(),
            "suppliedBy": by,
            "verifiedUsing": image.digest.map(|it| vec![hash("SHA-256", &it.hex())]),
        });
        self.add(&word(&image.name, root), element)
    }

    fn component(&mut self, component: &Component<'_>) {
        let by = self.organisation(&component.creator);
        let name = word(&component.name, &component.reference);
        let environment = component.named_environment().map(|it| format!("environment: {it}"));
        let element = json!({
            "type": "software_Package",
            "name": component.name,
            "summary": component.package.and_then(|it| it.summary.as_deref()),
            "comment": environment,
            "software_packageVersion": component.version,
            "software_primaryPurpose": "library",
            "software_packageUrl": component.purl,
            "software_homePage": component.package.and_then(|it| it.homepage.as_deref()),
            "software_sourceInfo": component.source().map(|(name, version)| format!("built package from: {name} {version}")),
            "externalIdentifier": [purl(&component.purl)],
            "originatedBy": by.iter().collect::<Vec<_>>(),
            "suppliedBy": by,
        });
        let id = self.add(&name, element);
        self.archive(component, &id);
        self.licence(component, &id);
    }

    /// The archive that a package was installed from: a file, with what TR-03183-2 asks of it.
    fn archive(&mut self, component: &Component<'_>, package: &str) {
        let Some(distribution) = &component.distribution else { return };
        let place = json!({ "type": "ExternalRef", "externalRefType": "binaryArtifact", "locator": [distribution.url] });
        let element = json!({
            "type": "software_File",
            "name": distribution.name,
            "software_primaryPurpose": "archive",
            // `container`: what is in it is still told apart ("structured").
            "software_additionalPurpose": ["archive", "container"],
            "verifiedUsing": distribution.hashes.iter().map(|(name, hex)| hash(name, hex)).collect::<Vec<_>>(),
            "externalRef": [place],
        });
        let file = self.add(&format!("archive-{}", word(&component.name, &component.reference)), element);
        self.relate(package, "hasDistributionArtifact", &[file], "complete");
    }

    fn licence(&mut self, component: &Component<'_>, package: &str) {
        let Some(licence) = &component.licence else { return };
        let expression = licence.as_expression();
        let own: BTreeMap<String, String> =
            licence.custom().into_iter().map(|it| (it.identifier, it.text)).collect();
        let mut map = Vec::new();
        for (identifier, text) in own {
            let text = json!({ "type": "simplelicensing_SimpleLicensingText", "name": identifier, "simplelicensing_licenseText": text });
            let id = self.add(&identifier, text);
            map.push(json!({ "type": "DictionaryEntry", "key": identifier, "value": id }));
        }
        let element = json!({
            "type": "simplelicensing_LicenseExpression",
            "simplelicensing_licenseExpression": expression,
            "simplelicensing_licenseListVersion": imgbuild_licence::list_version(),
            "simplelicensing_customIdToUri": map,
        });
        let id = self.add(&format!("licence-{}", short(&expression)), element);
        for kind in ["hasDeclaredLicense", "hasConcludedLicense"] {
            self.relate(package, kind, std::slice::from_ref(&id), "complete");
        }
        // "The effective licence is stated by a relationship of this kind" (TR-03183-2 2.1, mapping to SPDX 3.0.1).
        let mut effective = relationship(package, "other", std::slice::from_ref(&id), "complete");
        if let Value::Object(fields) = &mut effective {
            fields.insert("comment".to_owned(), json!("hasEffectiveLicense"));
        }
        self.add(&format!("relationship-{}", short(&format!("{package} effective"))), effective);
    }

    fn relationships(&mut self, image: &str) {
        let completeness = match self.bill.image.completeness {
            Completeness::Complete => "complete",
            Completeness::Unknown => "noAssertion",
        };
        let system = self.system_id();
        let ids = |it: &Self, references: &BTreeSet<String>| -> Vec<String> {
            references.iter().filter_map(|reference| it.id_of(reference)).collect()
        };
        let bill = self.bill;
        let of_system = ids(self, &bill.of_system);
        let others =
            bill.components.keys().filter(|it| system.is_none() || !bill.of_system.contains(*it)).cloned();
        let held: Vec<String> = system.iter().cloned().chain(ids(self, &others.collect())).collect();
        self.relate(image, "contains", &held, "noAssertion");
        if let Some(system) = &system {
            self.relate(system, "contains", &of_system, "noAssertion");
        }
        let direct = ids(self, &bill.direct);
        self.relate(image, "dependsOn", &direct, completeness);
        for component in bill.components.values() {
            let required = ids(self, &component.depends_on);
            if let Some(own) = self.id_of(&component.reference) {
                self.relate(&own, "dependsOn", &required, completeness);
            }
        }
    }

    /// A relationship; nothing where it leads nowhere, since the form wants a goal.
    fn relate(&mut self, from: &str, kind: &str, to: &[String], completeness: &str) {
        if !to.is_empty() {
            let word = format!("relationship-{}", short(&format!("{from} {kind}")));
            self.add(&word, relationship(from, kind, to, completeness));
        }
    }

    fn finish(mut self, image: &str, creator: &str, tool: &str) -> Value {
        let phase = match self.bill.image.completeness {
            Completeness::Complete => "build",
            Completeness::Unknown => "analyzed",
        };
        let described: Vec<String> = self.all.keys().cloned().collect();
        let bill = json!({
            "type": "software_Sbom",
            "rootElement": [image],
            "element": described,
            "software_sbomType": [phase],
        });
        let bill = self.add("sbom", bill);
        let terms = json!({
            "type": "simplelicensing_LicenseExpression",
            "simplelicensing_licenseExpression": "CC0-1.0",
            "simplelicensing_licenseListVersion": imgbuild_licence::list_version(),
        });
        let terms = self.add("terms", terms);
        let elements: Vec<String> = self.all.keys().cloned().collect();
        let document = json!({
            "type": "SpdxDocument",
            "name": self.bill.image.name,
            "profileConformance": ["core", "software", "simpleLicensing"],
            "dataLicense": terms,
            "rootElement": [bill],
            "element": elements,
        });
        self.add("document", document);
        let creation = json!({
            "type": "CreationInfo",
            "@id": CREATION,
            "specVersion": "3.0.1",
            "created": self.bill.created,
            "createdBy": [creator],
            "createdUsing": [tool],
        });
        let graph: Vec<Value> = std::iter::once(creation).chain(self.all.into_values()).collect();
        known(json!({ "@context": CONTEXT, "@graph": graph }))
    }
}

fn relationship(from: &str, kind: &str, to: &[String], completeness: &str) -> Value {
    json!({
        "type": "Relationship",
        "from": from,
        "relationshipType": kind,
        "to": to,
        "completeness": completeness,
    })
}

fn purl(purl: &str) -> Value {
    json!({ "type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": purl })
}

fn hash(name: &str, hex: &str) -> Value {
    json!({ "type": "Hash", "algorithm": name.replace('-', "").to_lowercase(), "hashValue": hex })
}

fn short(text: &str) -> String {
    Digest::of(text).hex()[..16].to_owned()
}
