"""The documents of YAML files, as JSON: a list of `[file, document]`."""

import json
import sys

import yaml

print(json.dumps([[path, document] for path in sys.argv[1:] for document in yaml.safe_load_all(open(path))]))
