"""Fails where a workflow is none, or has something that Argo's model does not know: what the model keeps is compared with the file."""

import sys

import yaml
from hera.workflows.models import Workflow


def compare(written, kept, path):
    if isinstance(written, dict):
        for key, value in written.items():
            assert isinstance(kept, dict) and key in kept, f"{path}.{key} is not known"
            compare(value, kept[key], f"{path}.{key}")
    elif isinstance(written, list):
        assert len(written) == len(kept), path
        for index, value in enumerate(written):
            compare(value, kept[index], f"{path}[{index}]")


document = yaml.safe_load(open(sys.argv[1]))
compare(document, Workflow.parse_obj(document).dict(by_alias=True, exclude_none=True), "workflow")
