"""The scripts within the files of CI services, as JSON: a list of `[file, shell, text]`."""

import json
import re
import sys
from pathlib import Path

import yaml


def scripts(path):
    text = Path(path).read_text()
    if path.endswith("Jenkinsfile"):
        for script in re.findall(r"sh '''(.*?)'''|sh '([^'\n]*)'", text, re.S):
            yield "sh", "".join(script)
        return
    for document in yaml.safe_load_all(text):
        if "gitlab" in path:
            before = document.get("default", {}).get("before_script", [])
            for job in document.values():
                if isinstance(job, dict) and "script" in job:
                    yield "sh", "\n".join([*before, *job["script"]])
        elif "github" in path:
            jobs = document.get("jobs", {"": document.get("runs")})
            for step in [step for job in jobs.values() for step in job["steps"]]:
                if "run" in step:
                    yield "bash", step["run"]
        elif document["kind"] == "Task":
            for step in document["spec"]["steps"]:
                yield "sh", step["script"]
        elif document["kind"] == "Job":
            for container in document["spec"]["template"]["spec"]["initContainers"]:
                yield "sh", container["args"][0]


print(json.dumps([[path, shell, text] for path in sys.argv[1:] for shell, text in scripts(path)]))
