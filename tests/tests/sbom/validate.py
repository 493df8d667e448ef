"""Reads a bill of materials with what others wrote for its form, and prints what they find; nothing where all is well.

    validate.py cyclonedx|schema|spdx|spdx-2.3|bsi|purls FILE
"""

import json
import subprocess
import sys
from pathlib import Path


def cyclonedx(file):
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = file.read_text()
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True)
    yield from errors or ()
    # A reader that makes objects of it finds what a schema cannot say, such as references that lead nowhere.
    bom = Bom.from_json(json.loads(text))
    if not bom.validate():
        yield "its graph is not whole"


def schema(file):
    """What CycloneDX's own JSON schema says, by a program of the schemas' world. SPDX's schemas no package of PyPI brings."""
    import cyclonedx.schema

    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    program = Path(sys.executable).parent / "check-jsonschema"
    # The schema says another address than that of the schemas beside it.
    words = ["--schemafile", folder / "bom-1.6.SNAPSHOT.schema.json", "--base-uri", f"{folder.as_uri()}/"]
    said = subprocess.run([program, *words, file], capture_output=True, text=True)
    if said.returncode != 0:
        yield said.stdout + said.stderr


def spdx_2_3(file):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    for message in validate_full_spdx_document(parse_file(str(file))):
        yield f"{message.context.spdx_id}: {message.validation_message}"


def spdx(file):
    from spdx_python_model import v3_0_1 as model

    document = model.SHACLObjectSet()
    with file.open("rb") as stream:
        model.JSONLDDeserializer().read(stream, document)
    # What is required is looked at when it is written.
    with open("/dev/null", "wb") as nowhere:
        model.JSONLDSerializer().write(document, nowhere)
    document.create_index()
    yield from (f"{reference} is nowhere" for reference in document.link())
    if len(list(document.foreach_type(model.SpdxDocument))) != 1:
        yield "it has not one document"


def bsi(file):
    """What the checker of SPDX's own group lacks of BSI TR-03183-2 2.1, and of which components."""
    from ntia_conformance_checker.bsi_checker import BSIChecker

    found = BSIChecker(str(file))
    yield f"creator {found.doc_creator}, timestamp {found.doc_timestamp}, address {found.doc_uri}"
    yield f"completeness of dependencies {found.dependency_completeness}"
    for name, value in sorted(vars(found).items()):
        if name.startswith("components_without_") and value:
            lacking = sorted(identifier.rsplit("#")[-1].rsplit("-", 1)[0] for _, identifier in value)
            yield f"{name.removeprefix('components_without_')}: {' '.join(lacking)}"


def purls(file):
    from packageurl import PackageURL

    bom = json.loads(file.read_text())
    for component in [bom["metadata"]["component"], *bom["components"]]:
        if "purl" in component:
            purl = PackageURL.from_string(component["purl"])
            if purl.name != component["name"].lower() and purl.type != "oci":
                yield f"{component['name']} is {purl.name}"
            if purl.version != component["version"] and purl.type != "oci":
                yield f"{component['version']} is {purl.version}"


FORMS = {"cyclonedx": cyclonedx, "schema": schema, "spdx": spdx, "spdx-2.3": spdx_2_3, "bsi": bsi, "purls": purls}

if __name__ == "__main__":
    for finding in FORMS[sys.argv[1]](Path(sys.argv[2])):
        print(finding)
