"""An ablation as something to run elsewhere: a script for Python's own library, a line for a shell."""

import json

from app.schemas import Ablation


def as_curl(origin: str, ablation: Ablation) -> str:
    """Answers with the record: the one that is stored where it is known, else measured now."""
    body = _request(ablation)
    return f"curl -sS {origin}/ablations -H 'content-type: application/json' \\\n  -d '{body}'\n"


def as_python(origin: str, ablation: Ablation) -> str:
    """Asks for the record, prints its figures, has it measured again and exits with 1 where it drifted."""
    return f'''"""Ablation {ablation.id} of {ablation.model}, measured again."""
import json
import sys
import urllib.request

SERVER = "{origin}"
REQUEST = json.loads("""{_request(ablation)}""")
STORED_LOSS_NATS = {ablation.after.loss_nats.value!r}


def post(path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(SERVER + path, data, {{"content-type": "application/json"}})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


ablation = post("/ablations", REQUEST)
before, after = ablation["before"]["loss_nats"], ablation["after"]["loss_nats"]
print(f"loss {{before['value']:.4f}} -> {{after['value']:.4f}} nats, {{ablation['after']['n_pairs']}} pairs")
check = post(ablation["url"] + "/checks", {{}})
print(f"{{check['verdict']}}: {{check['n_figures']}} figures, largest difference {{check['largest_difference']}} nats")
same = abs(after["value"] - STORED_LOSS_NATS) <= check["tolerance_nats"]
sys.exit(0 if same and check["verdict"] == "reproduced" else 1)
'''


def _request(ablation: Ablation) -> str:
    """JSON without characters that a shell's or Python's quotes would read."""
    return json.dumps(ablation.request.model_dump(mode="json"), separators=(",", ":"))
