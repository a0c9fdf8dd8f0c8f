"""Circuits out: each form holds to its readers' rules, loses only what it says, and says what that costs."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import tiny
from app import cli
from app.forms import FORMS
from app.schemas import AnnotatedCircuit
from app.schemas.forms import AttributionGraph, EapGraph, ReplicationCircuit
from app.settings import ROOT
from model.forms.json_values import parse
from model.forms.replication import read_replication
from model.sites import MASKABLE


@pytest.fixture(scope="module")
def record(shared_client: TestClient, circuit_id: str) -> dict[str, Any]:
    """The circuit itself: its card, which its JSON has beside it, grows with what is measured."""
    whole: dict[str, Any] = shared_client.get(f"/circuits/{circuit_id}.json").json()
    del whole["card"]
    return whole


def exported(client: TestClient, circuit_id: str, form: str) -> Any:
    answer = client.get(f"/circuits/{circuit_id}/exports/{form}")
    assert answer.status_code == 200, answer.text
    return parse(answer.content)


def test_every_form_is_listed_documented_and_answers(
    shared_client: TestClient, circuit_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.offline.MOST_NODES", 4)
    monkeypatch.setattr("app.offline.N_PAIRS", 4)
    listed = shared_client.get("/forms.json").json()
    assert [form["name"] for form in listed] == list(FORMS)
    docs = (ROOT / "docs/formats.md").read_text()
    for form in listed:
        answer = shared_client.get(f"/circuits/{circuit_id}/exports/{form['name']}")
        assert answer.status_code == 200 and answer.content
        assert answer.headers["content-type"].startswith(form["media_type"])
        assert form["file_name"].replace("{id}", circuit_id) in answer.headers["content-disposition"]
        assert f"`{form['name']}`" in docs
        if form["schema_url"]:
            assert form["schema_url"] in docs
            assert shared_client.get(form["schema_url"]).json()["$id"] == form["schema_url"]


def test_names_that_are_none_are_refused_with_the_choices(shared_client: TestClient, circuit_id: str) -> None:
    for path in (f"/circuits/{circuit_id}/exports/docx", "/schemas/docx-1.json", "/circuits/0/exports/svg"):
        answer = shared_client.get(path)
        assert answer.status_code == 404 and "there are: " in answer.json()["error"]["message"]


def test_our_own_form_is_the_record_itself(shared_client: TestClient, circuit_id: str, record: dict[str, Any]) -> None:
    found = exported(shared_client, circuit_id, "sparsescope")
    assert found == record
    assert json.loads(AnnotatedCircuit.model_validate(found).model_dump_json(exclude={"annotation", "card"})) == record


def test_the_attribution_graph_keeps_every_rule_of_its_viewers(shared_client: TestClient, circuit_id: str) -> None:
    graph = exported(shared_client, circuit_id, "attribution-graph")
    AttributionGraph.model_validate(graph)
    # The published schema: required keys and their types.
    assert {"metadata", "qParams", "nodes", "links"} <= set(graph)
    meta = graph["metadata"]
    assert all(isinstance(meta[name], str) for name in ("slug", "scan", "prompt"))
    assert "".join(meta["prompt_tokens"]) == meta["prompt"]
    assert {name: type(meta["info"][name]) for name in ("description", "generator", "create_time_ms")} == {
        "description": str, "generator": dict, "create_time_ms": int
    }  # fmt: skip
    for node in graph["nodes"]:
        assert all(isinstance(node[n], str) for n in ("node_id", "layer", "feature_type", "jsNodeId", "clerp"))
        assert isinstance(node["feature"], int) and isinstance(node["ctx_idx"], int)
        # circuit-tracer's own reader takes no null for these two.
        assert isinstance(node["token_prob"], float) and isinstance(node["is_target_logit"], bool)
        assert 0 <= node["ctx_idx"] < len(meta["prompt_tokens"])
    # What makes the viewers throw or drop things.
    ids = [node["node_id"] for node in graph["nodes"]]
    assert len(set(ids)) == len(ids) and len({node["jsNodeId"] for node in graph["nodes"]}) == len(ids)
    assert all(link["source"] in ids and link["target"] in ids for link in graph["links"])
    logits = [node for node in graph["nodes"] if node["feature_type"] == "logit"]
    assert logits
    for node in logits:
        probability = float(node["clerp"].split("(p=")[1].split(")")[0])
        assert probability == pytest.approx(node["token_prob"], abs=6e-4)
        assert len(node["clerp"].split('"')) > 2
    rows = {node["node_id"]: 0 if node["layer"] == "E" else int(node["layer"]) for node in graph["nodes"]}
    assert any(row >= 1 for name, row in rows.items() if not name.startswith("E_"))
    assert all(rows[link["source"]] < rows[link["target"]] for link in graph["links"])
    assert max(rows.values()) == rows[logits[0]["node_id"]]


def test_the_attribution_graph_says_what_its_edges_are(
    shared_client: TestClient, circuit_id: str, record: dict[str, Any]
) -> None:
    graph = exported(shared_client, circuit_id, "attribution-graph")
    said = graph["metadata"]["info"]["description"]
    assert "not the linear effects on one prompt" in said and "nats" in said
    assert all(sentence in said for sentence in graph["metadata"]["info"]["dropped"])
    ours = [node for node in graph["nodes"] if node["feature_type"] in MASKABLE]
    assert len(ours) == record["n_nodes"]
    assert len(graph["links"]) == record["n_edges"] + len(record["links"])


def test_a_token_that_looks_like_a_probability_does_not_mislead_the_viewers() -> None:
    from model.forms.attribution_graph import attribution_graph
    from model.forms.told import Candidate, Told

    told = Told(
        "0" * 16, "m", "f" * 64, "t", "T", tiny.CONFIG, (), (), (), (), (), (Candidate(3, '(p="', 0.25),), None,
        (1.0, 0.9, 1.1), 0.5, 4, "a", ("a",), 0, "0",
    )  # fmt: skip
    (logit,) = attribution_graph(told)["nodes"]
    assert float(logit["clerp"].split("(p=")[1].split(")")[0]) == 0.25


def test_the_replications_form_comes_back_exactly(
    shared_client: TestClient, circuit_id: str, record: dict[str, Any]
) -> None:
    written = exported(shared_client, circuit_id, "sparse-pretrain")
    ReplicationCircuit.model_validate(written)
    read = read_replication(written, tiny.CONFIG)
    assert [str(node) for node in read.nodes] == [node["id"] for node in record["nodes"]]
    assert (read.n_edges, read.task, read.model_fingerprint) == (
        record["n_edges"], record["task"], record["model_fingerprint"],
    )  # fmt: skip
    assert read.loss_nats == record["loss_nats"]["value"]
    for node in written["nodes"]:
        assert node["node_id"] == f"{node['layer']}_{node['location']}_{node['index']}"
        if node["location"] in ("attn_q", "attn_k", "attn_v"):
            assert node["head_idx"] * tiny.CONFIG.d_head + node["head_dim_idx"] == node["index"]


def test_the_eap_graph_is_whole_and_says_what_the_collapse_costs(
    shared_client: TestClient, circuit_id: str, record: dict[str, Any]
) -> None:
    graph = exported(shared_client, circuit_id, "eap-ig")
    EapGraph.model_validate(graph)
    layers, heads = tiny.CONFIG.n_layer, tiny.CONFIG.n_head
    assert len(graph["nodes"]) == 2 + layers * (heads + 1)
    n_before = [1 + layer * (heads + 1) for layer in range(layers)]
    n_edges = sum(3 * heads * n + (n + heads) for n in n_before) + 1 + layers * (heads + 1)
    assert len(graph["edges"]) == n_edges
    pattern = re.compile(r"(input|[am]\d+(\.h\d+)?)->(a\d+\.h\d+<[qkv]>|m\d+|logits)")
    assert all(pattern.fullmatch(name) for name in graph["edges"])
    # By hand: the MLP of layer 0 reads from the embedding every kept channel that some kept weight takes up.
    read = {edge["source"] for edge in record["edges"] if edge["source"].startswith("0.mlp.act_in:")}
    from_embedding = {link["target"] for link in record["links"] if link["source"].startswith("embed:")}
    assert graph["edges"]["input->m0"]["score"] == len(read & from_embedding)
    more = graph["sparsescope"]
    assert more["loss_nats"] == record["loss_nats"]["value"]
    low, high = more["collapsed_loss_interval_nats"]
    assert low <= more["collapsed_loss_nats"] <= high
    assert len(more["dropped"]) >= 3
    # All heads and MLPs of this circuit are in, so that whole they are the full model.
    assert more["collapsed_loss_nats"] == pytest.approx(record["full_model_loss_nats"], abs=1e-4)


def test_the_tables_hold_every_node_edge_and_link(
    shared_client: TestClient, circuit_id: str, record: dict[str, Any]
) -> None:
    def rows(form: str) -> list[dict[str, str]]:
        text = shared_client.get(f"/circuits/{circuit_id}/exports/{form}").text
        return list(csv.DictReader(io.StringIO(text)))

    nodes = rows("nodes-csv")
    assert [row["id"] for row in nodes] == [node["id"] for node in record["nodes"]]
    assert [float(row["effect_nats"]) for row in nodes] == [node["effect_nats"] for node in record["nodes"]]
    edges = rows("edges-csv")
    assert [float(row["weight"]) for row in edges if row["kind"] == "edge"] == [e["weight"] for e in record["edges"]]
    assert sum(row["kind"] != "edge" for row in edges) == len(record["links"]) + len(record["cut_edges"])


def test_the_command_writes_the_same_file_as_the_page(
    shared_client: TestClient, tiny_bundle: Path, circuit_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARSESCOPE_BUNDLE_DIR", str(tiny_bundle))
    out = tmp_path / "written.csv"
    command = ["export", circuit_id, "--form", "nodes-csv", "--out", str(out), "--data-dir", str(tmp_path / "data")]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == shared_client.get(f"/circuits/{circuit_id}/exports/nodes-csv").content
    refused = CliRunner().invoke(
        cli.app, ["export", circuit_id, "--form", "docx", "--data-dir", str(tmp_path / "data")]
    )
    assert refused.exit_code == 2 and "no form 'docx'" in refused.output
