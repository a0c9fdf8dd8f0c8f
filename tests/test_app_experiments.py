"""Runs, nodes and cuts over HTTP give the numbers that the model itself gives, and the same cut the same record."""

import math
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

import tiny
from app.schemas import Ablation, CircuitDetail, NodeDetail, RunAnswer
from model.subject import Subject

PROMPT = 'x = print("a'


@pytest.fixture
def circuit(shared_client: TestClient, circuit_id: str) -> CircuitDetail:
    return CircuitDetail.model_validate_json(shared_client.get(f"/circuits/{circuit_id}.json").text)


@pytest.fixture
def subject(shared_client: TestClient) -> Subject:
    return shared_client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined, no-any-return]


def cut(client: TestClient, target: dict[str, Any], nodes: list[str], **more: Any) -> Ablation:
    body = {"target": target, "nodes": nodes, "n_pairs": tiny.N_PAIRS} | more
    response = client.post("/ablations", json=body)
    assert response.status_code in (200, 201), response.text
    return Ablation.model_validate_json(response.text)


# -- cuts ------------------------------------------------------------------------------------


def test_cutting_every_node_leaves_the_empty_circuit(shared_client: TestClient, circuit: CircuitDetail) -> None:
    target = {"kind": "circuit", "circuit": circuit.id}
    record = cut(shared_client, target, [node.id for node in circuit.nodes])
    assert record.before == record.reference["circuit"] == circuit.measures.circuit
    assert record.reference["full_model"] == circuit.measures.full_model
    assert record.reference["empty_circuit"] == circuit.measures.empty_circuit
    for figure, expected in record.after.model_dump(include={"loss_nats", "accuracy", "logit_diff"}).items():
        assert expected == pytest.approx(getattr(circuit.measures.empty_circuit, figure).model_dump(), abs=1e-5)
    change = record.after.loss_nats.value - record.before.loss_nats.value
    assert math.isclose(record.loss_change_nats.value, change, abs_tol=1e-7)
    assert record.loss_change_nats.low <= change <= record.loss_change_nats.high


def test_cutting_one_node_changes_the_loss_by_its_effect(shared_client: TestClient, circuit: CircuitDetail) -> None:
    node = max(circuit.nodes, key=lambda node: abs(node.effect_nats))
    assert abs(node.effect_nats) > 1e-4, "a circuit of random weights has a node that matters"
    record = cut(shared_client, {"kind": "circuit", "circuit": circuit.id}, [node.id])
    assert math.isclose(record.loss_change_nats.value, node.effect_nats, rel_tol=1e-3, abs_tol=1e-6)


def test_a_cut_in_the_model_starts_from_the_full_model(shared_client: TestClient, circuit: CircuitDetail) -> None:
    target = {"kind": "model", "model": tiny.MODEL, "task": tiny.TASK}
    record = cut(shared_client, target, ["1.mlp.resid_delta:1", "1.mlp.resid_delta:2"])
    assert record.before == circuit.measures.full_model and "circuit" not in record.reference
    assert record.after != record.before


def test_zero_and_mean_are_not_the_same_cut(shared_client: TestClient, circuit: CircuitDetail) -> None:
    target = {"kind": "circuit", "circuit": circuit.id}
    node = max(circuit.nodes, key=lambda node: abs(node.effect_nats)).id
    mean, zero = (cut(shared_client, target, [node], mode=mode) for mode in ("mean", "zero"))
    assert mean.id != zero.id and mean.after != zero.after and mean.before == zero.before


def test_pairs_that_changed_most_come_first_and_add_up(shared_client: TestClient, circuit: CircuitDetail) -> None:
    target = {"kind": "circuit", "circuit": circuit.id}
    record = cut(shared_client, target, [node.id for node in circuit.nodes[::2]])
    changes = [pair.loss_change_nats for pair in record.changed]
    assert changes == sorted(changes, key=abs, reverse=True)

    def loss(diffs: tuple[float, float]) -> float:
        return sum(math.log1p(math.exp(-diff)) for diff in diffs) / 2

    for pair in record.changed:
        expected = loss(pair.logit_diff_after) - loss(pair.logit_diff_before)
        assert math.isclose(pair.loss_change_nats, expected, abs_tol=1e-5)


def test_the_same_cut_has_the_same_record_for_ever(client: TestClient, circuit_id: str) -> None:
    nodes = ["0.mlp.post_act:3", "0.mlp.post_act:0"]
    body = {"target": {"kind": "circuit", "circuit": circuit_id}, "nodes": nodes, "n_pairs": 4}
    first = client.post("/ablations", json=body)
    again = client.post("/ablations", json=body | {"nodes": nodes[::-1] + nodes})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() and first.headers["location"] == first.json()["url"]
    assert client.get(first.json()["url"] + ".json").json() == first.json()
    other = client.post("/ablations", json=body | {"seed": 1})
    assert other.status_code == 201 and other.json()["id"] != first.json()["id"]


# -- runs ------------------------------------------------------------------------------------


def test_a_run_gives_the_probabilities_of_the_model(
    shared_client: TestClient, circuit: CircuitDetail, subject: Subject
) -> None:
    body = {"prompt": PROMPT, "candidates": ['")', "')"]}
    answer = RunAnswer.model_validate_json(shared_client.post(f"{circuit.url}/runs", json=body).text)
    assert "".join(answer.tokens) == PROMPT
    tokens = subject.tokenizer.encode(PROMPT)
    logits = subject.model(torch.tensor([tokens]))[0, -1]
    double, single = (subject.tokenizer.token_id(text) for text in body["candidates"])
    assert math.isclose(answer.full_model.logit_diff, float(logits[double] - logits[single]), abs_tol=1e-4)
    by_hand = float(logits.softmax(0)[double])
    assert math.isclose(answer.full_model.candidates[0].probability, by_hand, rel_tol=1e-3)
    top = [p.probability for p in answer.full_model.top]
    assert top == sorted(top, reverse=True) and math.isclose(top[0], float(logits.softmax(0).max()), rel_tol=1e-3)
    assert answer.circuit.logit_diff != answer.full_model.logit_diff


def test_candidates_are_the_tasks_own_unless_given(shared_client: TestClient, circuit: CircuitDetail) -> None:
    answer = shared_client.post(f"{circuit.url}/runs", json={"prompt": PROMPT}).json()
    assert [p["token"] for p in answer["circuit"]["candidates"]] == list(circuit.example.answers)


# -- nodes -----------------------------------------------------------------------------------


def test_a_neurons_weights_are_those_of_the_matrices(
    shared_client: TestClient, circuit: CircuitDetail, subject: Subject
) -> None:
    detail = NodeDetail.model_validate_json(shared_client.get(f"{circuit.url}/nodes/1.mlp.post_act:3.json").text)
    mlp = subject.model.blocks[1].mlp  # type: ignore[index]
    row, column = mlp.c_fc.weight[3], mlp.c_proj.weight[:, 3]
    assert detail.n_weights_in == int(row.count_nonzero()) and detail.n_weights_out == int(column.count_nonzero())
    weights = {weight.node: weight.weight for weight in detail.weights_in}
    assert math.isclose(weights["1.mlp.act_in:5"], float(row[5]), rel_tol=1e-6)
    assert [w.node for w in detail.weights_in if w.in_circuit] == [
        w.node for w in detail.weights_in if int(w.node.split(":")[1]) % 3 == 0
    ]
    assert detail.tokens_in == [] and detail.logits_out == []


def test_a_nodes_activations_are_the_models_at_every_token(
    shared_client: TestClient, circuit: CircuitDetail, subject: Subject
) -> None:
    detail = NodeDetail.model_validate_json(shared_client.get(f"{circuit.url}/nodes/1.mlp.post_act:3.json").text)
    shown = detail.pairs[0].class_2
    seen: list[float] = []

    def tap(site: str, x: torch.Tensor) -> torch.Tensor:
        if site == "1.mlp.post_act":
            seen.extend(x[0, :, 3].tolist())
        return x

    subject.model(torch.tensor([subject.tokenizer.encode("".join(shown.tokens))]), tap=tap)
    assert len(shown.tokens) == len(shown.full_model) == len(shown.circuit)
    assert torch.allclose(torch.tensor(shown.full_model), torch.tensor(seen), atol=1e-5)
    assert shown.circuit != shown.full_model


def test_readers_show_tokens_and_writers_logits(shared_client: TestClient, circuit: CircuitDetail) -> None:
    reader = shared_client.get(f"{circuit.url}/nodes/0.attn.act_in:3.json").json()
    writer = shared_client.get(f"{circuit.url}/nodes/1.mlp.resid_delta:3.json").json()
    assert len(reader["tokens_in"]) == 8 and reader["logits_out"] == []
    assert len(writer["logits_out"]) == 8 and writer["tokens_in"] == []
    weights = [abs(t["weight"]) for t in reader["tokens_in"]]
    assert weights == sorted(weights, reverse=True)


def test_a_circuit_of_other_weights_is_refused(client: TestClient, circuit_id: str) -> None:
    store = client.app.state.store  # type: ignore[attr-defined]
    circuit = store.circuit(circuit_id)
    store.keep_circuit(circuit.model_copy(update={"id": "f" * 16, "model_fingerprint": "0" * 64}))
    response = client.post(f"/circuits/{'f' * 16}/runs", json={"prompt": PROMPT})
    assert response.status_code == 409
    assert "belongs to model 'tiny' with fingerprint 000000000000, but the model of that name here has" in response.text
