"""Requests that nobody meant, made from the OpenAPI document: valid ones, broken ones, with names that exist and with
names that do not. No answer may be a server's error, none may be undocumented.

    PYTHONPATH=.:tests .venv/bin/python tests/fuzz.py --cases 10000 --seed 0
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import UndefinedContentType, UndefinedStatusCode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import tiny
from app import urls
from conftest import TINY, serving

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PATIENCE_S = 120


@dataclass
class Report:
    """What came of a run: `faults` are sentences, one for each kind of failure of an operation."""

    seed: int
    elapsed_s: float = 0.0
    n_cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    took_s: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        slowest = ", ".join(f"{name} {s:.0f} s" for name, s in self.took_s.most_common(5))
        answers = ", ".join(f"{n:,} x {status}" for status, n in sorted(self.statuses.items()))
        return (
            f"{self.n_cases:,} cases over {len(self.operations)} operations in {self.elapsed_s:.0f} s (seed "
            f"{self.seed}): {answers}; {len(self.faults)} faults; slowest: {slowest}"
        )


def names(url: str) -> dict[str, Any]:
    """Names that exist on the server, by the name of the parameter or of the field that takes them."""
    with httpx.Client(base_url=url, timeout=120) as client:
        circuit = client.get("/circuits.json").json()[0]
        nodes = [node["id"] for node in client.get(f"/circuits/{circuit['id']}.json").json()["nodes"]]
        written = {"title": "a", "labels": {nodes[0]: "b"}}
        notes = client.post(f"/circuits/{circuit['id']}/annotations", json=written).raise_for_status()
        cut = {"target": {"kind": "circuit", "circuit": circuit["id"]}, "nodes": nodes[:1], "n_pairs": 2}
        ablation = client.post("/ablations", json=cut).raise_for_status().json()
        job = client.post("/jobs", json={"model": circuit["model"], "task": circuit["task"]}).json()
        client.post(f"{job['url']}/cancel")  # so that its events end
        link = client.post("/s", json={"path": circuit["url"]}).json()
        slug = client.get("/guide.json").json()[0]["slug"]
    return {
        "circuit_id": circuit["id"], "circuit": circuit["id"], "a": circuit["id"], "b": circuit["id"],
        "record_id": circuit["id"], "kind": "circuits", "node_id": nodes[-1], "node": nodes[-1], "nodes": nodes[:3],
        "drop": nodes[:1], "model": circuit["model"], "task": circuit["task"], "ablation_id": ablation["id"],
        "annotation_id": notes.json()["id"], "notes": notes.json()["id"], "job_id": job["id"], "link_id": link["id"],
        "slug": slug, "n_nodes": 5, "n_pairs": 4, "layer": 0, "head": 0, "neuron": 0, "channel_id": 0, "mode": "mean",
        "form": "sparsescope", "control": "twin", "prompt": "x = 'a", "prompts": ["x = 'a", 'x = "a'],
        "candidates": None, "path": circuit["url"], "trace_depth": 1, "rule": "true",
    }  # fmt: skip


def spared(path: str, status: int) -> tuple[Any, ...]:
    """Checks that say nothing here: a server without a worker is not ready and says so, and of a stream of events the
    document describes the `data` of each."""
    if path == urls.READY and status == 503:
        return (not_a_server_error,)
    return (response_schema_conformance,) if path == urls.JOB_EVENTS and status == 200 else ()


def made_real(value: Any, known: dict[str, Any], draw: Any, key: str = "") -> Any:
    """The same with names that exist in some of the places where names stand."""
    if key in known and key not in ("kind", "notes") and draw(st.integers(0, 3)):
        return known[key]
    if isinstance(value, dict):
        return {name: made_real(inner, known, draw, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [made_real(inner, known, draw) for inner in value]
    return value


def fuzz(url: str, n_cases: int, seed: int, known: dict[str, Any] | None = None) -> Report:
    """`n_cases` over all operations alike, two thirds of them valid by the document, the others broken on purpose."""
    document = httpx.get(f"{url}/openapi.json", timeout=120).raise_for_status().json()
    schema = schemathesis.openapi.from_dict(document)
    known = known or names(url)
    report, started = Report(seed), time.monotonic()
    operations = [result.ok() for result in schema.get_all_operations()]
    session = requests.Session()
    for again in count():
        for operation in operations:
            n_left = n_cases - report.n_cases
            if again and n_left <= 0:  # some operations have few cases, so others get more
                report.elapsed_s = time.monotonic() - started
                return report
            began = time.monotonic()
            for mode, share in ((GenerationMode.POSITIVE, 2 / 3), (GenerationMode.NEGATIVE, 1 / 3)):
                n_wanted = max(1, round(share * (n_left if again else n_cases) / len(operations)))
                _fuzz_one(operation, mode, n_wanted, seed + 1000 * again, known, url, session, report)
            report.took_s[operation.label] += time.monotonic() - began
    raise AssertionError


def _fuzz_one(
    operation: Any, mode: GenerationMode, n_wanted: int, seed: int, known: dict[str, Any], url: str,
    session: requests.Session, report: Report,
) -> None:  # fmt: skip
    takes = {parameter.name for parameter in operation.path_parameters}
    queries = {parameter.name for parameter in operation.query}
    if mode is GenerationMode.NEGATIVE and not (takes or queries or len(operation.body)):
        mode = GenerationMode.POSITIVE  # nothing to break

    @seeded(seed)
    @settings(
        max_examples=n_wanted, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def once(case: Any, data: st.DataObject) -> None:
        mine = {"name": known["task" if "/tasks/" in operation.path else "model"], **known}
        for name in takes:
            if name in mine and data.draw(st.integers(0, 7)):
                case.path_parameters[name] = mine[name]
        for name in queries & set(case.query or {}):
            if name in known and data.draw(st.booleans()):
                case.query[name] = known[name]
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict | list):
            case.body = made_real(case.body, known, data.draw)
        report.n_cases += 1
        report.operations[operation.label] += 1
        try:
            response = case.call(base_url=url, session=session, timeout=PATIENCE_S)
            report.statuses[response.status_code] += 1
            checks = [check for check in CHECKS if check not in spared(operation.path, response.status_code)]
            case.validate_response(response, checks=checks)
        except (FailureGroup, Failure, requests.RequestException) as error:
            failures = error.exceptions if isinstance(error, FailureGroup) else (error,)
            for failure in failures:
                what = f"{operation.label}: {type(failure).__name__}"
                if isinstance(failure, UndefinedStatusCode | UndefinedContentType):
                    what += f" {response.status_code} {response.headers.get('content-type')}"
                if what not in report.faults:
                    report.faults[what] = f"{failure}\n{case.as_curl_command()[:1500]}"
                    print(f"{what}\n{report.faults[what][:3000]}\n", flush=True)

    try:
        once()
    except Unsatisfiable:
        if mode is GenerationMode.POSITIVE:
            raise
        # Any text will do there, so there is nothing to break.
        _fuzz_one(operation, GenerationMode.POSITIVE, n_wanted, seed + 1, known, url, session, report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny.write_bundle(Path(folder) / "bundle")
        with serving(Path(folder) / "bundle", Path(folder) / "data", **TINY, SPARSESCOPE_WORKER="false") as server:
            report = fuzz(server.url, given_.cases, given_.seed)
            print(report)
            log = Path(server.log.name).read_text()
            if "Traceback" in log:
                print(log[log.index("Traceback") :][-5000:])
    sys.exit(1 if report.faults or "Traceback" in log else 0)


if __name__ == "__main__":
    main()
