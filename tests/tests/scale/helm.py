"""Renders a chart with values over its own, as `helm template NAME` does: Go's templates, with the functions of Sprig.

Helm itself is in no registry that the tests reach. What only Helm has (`include`, `tpl`, `lookup`) is not there, and so is in no template.
"""

import json
import sys
from pathlib import Path

import jsonschema
import yaml
from go_template import render


def merged(below, above):
    if isinstance(below, dict) and isinstance(above, dict):
        both = {key: merged(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}
        # A `null` takes away what the chart has.
        return {key: value for key, value in both.items() if key not in above or above[key] is not None}
    return above


name, chart, *files = sys.argv[1:]
chart = Path(chart)
values = yaml.safe_load((chart / "values.yaml").read_text())
for file in files:
    values = merged(values, yaml.safe_load(Path(file).read_text()))
jsonschema.validate(values, json.loads((chart / "values.schema.json").read_text()))
about = yaml.safe_load((chart / "Chart.yaml").read_text())
context = {
    "Values": values,
    "Chart": {"Name": about["name"], "Version": about["version"]},
    "Release": {"Name": name, "Namespace": "default", "Service": "Helm"},
}
for template in sorted((chart / "templates").glob("*.yaml")):
    text = render(template, context).decode()
    # What is wrong comes in the place of the text.
    document = yaml.safe_load(text)
    assert isinstance(document, dict) and "kind" in document and "<no value>" not in text, text
    print(f"---\n{text}")
