"""Succeeds where the server answers, which is how an engine finds out whether a container is healthy."""

import urllib.request

with urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=5) as answer:
    assert answer.status == 200
