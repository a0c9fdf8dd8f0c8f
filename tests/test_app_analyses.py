"""Nodes and prompts looked at over HTTP: the answers agree with the model, with one another, and refuse in words."""

import json
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient

import tiny
from app.main import create_app
from app.schemas import (
    AttentionAnswer,
    CircuitDetail,
    Contrast,
    Ledger,
    NeuronResponse,
    NodeDetail,
    NodeOnCorpus,
    NodeOnTask,
    PromptTrace,
    RunAnswer,
    Sharpness,
)
from conftest import tiny_settings
from model.activations import node_activations
from model.sites import parse_node
from model.subject import Subject

PROMPT = 'x = print("a'
OTHER = "x = print('a"


@pytest.fixture
def circuit(shared_client: TestClient, circuit_id: str) -> CircuitDetail:
    return CircuitDetail.model_validate_json(shared_client.get(f"/circuits/{circuit_id}.json").text)


@pytest.fixture
def subject(shared_client: TestClient) -> Subject:
    return shared_client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined, no-any-return]


def get(client: TestClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.text


def post(client: TestClient, path: str, **body: object) -> str:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.text


def refusal(client: TestClient, path: str, **body: object) -> tuple[int, str]:
    response = client.post(path, json=body) if body else client.get(path)
    return response.status_code, response.json()["error"]["message"]


# -- a node ----------------------------------------------------------------------------------


def test_a_node_over_the_tasks_pairs(shared_client: TestClient, circuit: CircuitDetail, subject: Subject) -> None:
    node = circuit.nodes[-1].id
    answer = NodeOnTask.model_validate_json(
        get(shared_client, f"{circuit.url}/nodes/{node}/task.json?n_pairs={tiny.N_PAIRS}")
    )
    assert (answer.node, answer.task, answer.n_pairs) == (node, tiny.TASK, tiny.N_PAIRS)
    detail = NodeDetail.model_validate_json(get(shared_client, f"{circuit.url}/nodes/{node}.json"))
    for run in ("full_model", "circuit"):
        values = getattr(answer, run)
        first = getattr(detail.pairs[0].class_1, run)  # the pairs of both come from one seed
        assert values.last.class_1[0] == pytest.approx(first[-1], abs=1e-5)
        assert values.mean.class_1[0] == pytest.approx(sum(first) / len(first), abs=1e-5)
        assert values.largest.class_1[0] == pytest.approx(max(first, key=abs), abs=1e-5)
        for way in (values.last, values.mean, values.largest):
            apart = sum(a - b for a, b in zip(way.class_1, way.class_2, strict=True)) / answer.n_pairs
            assert way.difference.value == pytest.approx(apart, abs=1e-5)
            assert way.difference.low <= way.difference.value <= way.difference.high
            assert way.mean_1.value == pytest.approx(sum(way.class_1) / answer.n_pairs, abs=1e-5)


def test_a_node_on_held_out_text(shared_client: TestClient, circuit: CircuitDetail, subject: Subject) -> None:
    for node in (circuit.nodes[0].id, circuit.nodes[-1].id):
        answer = NodeOnCorpus.model_validate_json(get(shared_client, f"{circuit.url}/nodes/{node}/corpus.json"))
        assert answer.n_documents == 200 and answer.n_tokens > 1000
        assert len(answer.edges) == len(answer.circuit.counts) + 1
        for run in (answer.full_model, answer.circuit):
            assert sum(run.counts) == answer.n_tokens
            assert answer.edges[0] <= run.low <= run.mean <= run.high <= answer.edges[-1] + 1e-6
            assert [share.share for share in run.shares] == [0.001, 0.01, 0.1, 0.5]
            strongest = [example.values[example.focus] for example in run.shares[0].top]
            assert strongest == sorted(strongest, reverse=True) and strongest[0] <= run.high + 1e-3
            assert run.shares[0].bottom[0].values[run.shares[0].bottom[0].focus] <= run.mean + 1e-6
    example = answer.full_model.shares[0].top[0]
    tokens = [subject.tokenizer.token_id(text) for text in example.tokens]
    if example.focus < 14:  # then the stretch begins where its window does, and a prompt of it gives the same
        node_ = parse_node(answer.node, subject.config)
        values = node_activations(subject, [node_], [tokens])[node_][0]
        assert example.values == pytest.approx(values, rel=5e-3, abs=2e-3)


def test_the_text_is_read_once_a_circuit(
    shared_client: TestClient, circuit: CircuitDetail, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{circuit.url}/nodes/{{}}/corpus.json"
    get(shared_client, path.format(circuit.nodes[0].id))
    monkeypatch.setattr("app.corpus.sample_values", None)  # to call it would fail
    get(shared_client, path.format(circuit.nodes[1].id))


def test_without_text_a_sentence(tmp_path: Path, tiny_bundle: Path, circuit_id: str) -> None:
    settings = tiny_settings(tiny_bundle, tmp_path)
    with TestClient(create_app(settings)) as client:
        client.app.state.node_analyses.corpus.folder = tmp_path  # type: ignore[attr-defined]
        answer = client.get(f"/circuits/{circuit_id}/nodes/0.mlp.post_act:0/corpus.json").json()
    assert answer == {
        "kind": "none",
        "message": "There is no held-out text for a model that reads python; there is: none.",
    }


def test_a_neuron_as_a_function(shared_client: TestClient, circuit: CircuitDetail, subject: Subject) -> None:
    node = next(node for node in circuit.nodes if node.site == "1.mlp.post_act")
    answer = NeuronResponse.model_validate_json(get(shared_client, f"{circuit.url}/nodes/{node.id}/response.json"))
    assert answer.pre == sorted(answer.pre) and 0 in answer.pre
    assert answer.post[answer.pre.index(0)] == 0
    assert answer.post[-1] == pytest.approx(answer.pre[-1], rel=0.2)
    assert sum(answer.task_counts.full_model) == sum(answer.task_counts.circuit) == answer.n_tokens
    assert answer.corpus_counts is not None and answer.n_corpus_tokens > 1000
    assert sum(answer.corpus_counts.full_model) == sum(answer.corpus_counts.circuit) == answer.n_corpus_tokens
    assert answer.pre[0] <= answer.edges[0] and answer.edges[-1] <= answer.pre[-1]
    column = subject.model.blocks[1].mlp.c_proj.weight[:, node.index]
    assert len(answer.writes) == int(column.count_nonzero())
    top = answer.writes[0]
    assert top.weight == pytest.approx(float(column[column.abs().argmax()])) and top.node.startswith(
        "1.mlp.resid_delta:"
    )
    assert {write.node for write in answer.writes if write.in_circuit} <= {node.id for node in circuit.nodes}
    status, message = refusal(shared_client, f"{circuit.url}/nodes/0.attn.q:0/response.json")
    assert (status, message) == (422, "0.attn.q:0 is no neuron; only nodes of mlp.post_act have a response curve")


# -- prompts ---------------------------------------------------------------------------------


def test_a_trace_is_the_run_and_the_nodes(shared_client: TestClient, circuit: CircuitDetail, subject: Subject) -> None:
    answer = PromptTrace.model_validate_json(post(shared_client, f"{circuit.url}/traces", prompt=PROMPT))
    run = RunAnswer.model_validate_json(post(shared_client, f"{circuit.url}/runs", prompt=PROMPT))
    assert answer.tokens == run.tokens
    assert answer.circuit.prediction == run.circuit and answer.full_model.prediction == run.full_model
    assert answer.nodes == [node.id for node in circuit.nodes]
    tokens = subject.tokenizer.encode(PROMPT)
    for row in (0, len(answer.nodes) // 2, -1):
        node = parse_node(answer.nodes[row], subject.config)
        expected = node_activations(subject, [node], [tokens])[node][0]
        assert answer.full_model.activations[row] == pytest.approx(expected, abs=1e-5)


def test_two_prompts_in_contrast(shared_client: TestClient, circuit: CircuitDetail) -> None:
    answer = Contrast.model_validate_json(post(shared_client, f"{circuit.url}/contrasts", prompts=[PROMPT, OTHER]))
    first, second = (
        PromptTrace.model_validate_json(post(shared_client, f"{circuit.url}/traces", prompt=prompt))
        for prompt in (PROMPT, OTHER)
    )
    assert answer.tokens == (first.tokens, second.tokens)
    diffs = [prediction.logit_diff for prediction in answer.circuit]
    assert diffs == pytest.approx([one.circuit.prediction.logit_diff for one in (first, second)], abs=1e-5)
    assert len(answer.nodes) + answer.n_same == circuit.n_nodes and answer.nodes
    sizes = [abs(node.largest) for node in answer.nodes]
    assert sizes == sorted(sizes, reverse=True)
    for node in answer.nodes[:5]:
        row = first.nodes.index(node.node)
        i, j = answer.places[node.at]
        apart = first.circuit.activations[row][i] - second.circuit.activations[row][j]
        assert node.largest == pytest.approx(apart, abs=1e-5)
    same = next(k for k, (i, j) in enumerate(answer.places) if first.tokens[i] != second.tokens[j])
    assert all(abs(node.circuit[k]) < 1e-5 for node in answer.nodes for k in range(same)), "causal: no difference yet"
    alike = Contrast.model_validate_json(post(shared_client, f"{circuit.url}/contrasts", prompts=[PROMPT, PROMPT]))
    assert alike.nodes == [] and alike.n_same == circuit.n_nodes


def test_the_ledger_sums_to_the_logit_difference(shared_client: TestClient, circuit: CircuitDetail) -> None:
    answer = Ledger.model_validate_json(post(shared_client, f"{circuit.url}/ledgers", prompt=PROMPT))
    run = RunAnswer.model_validate_json(post(shared_client, f"{circuit.url}/runs", prompt=PROMPT))
    assert answer.candidates == circuit.example.answers
    writers = {node.id for node in circuit.nodes if node.site.endswith("resid_delta")}
    for ledger, prediction in ((answer.full_model, run.full_model), (answer.circuit, run.circuit)):
        assert ledger.measured == pytest.approx(prediction.logit_diff, abs=1e-5)
        assert ledger.total == pytest.approx(ledger.measured, abs=1e-5)
        assert sum(entry.logit_diff for entry in ledger.entries) == pytest.approx(ledger.total, abs=1e-9)
        assert {entry.source for entry in ledger.entries if entry.kind == "node"} == writers
    other = Ledger.model_validate_json(
        post(shared_client, f"{circuit.url}/ledgers", prompt=PROMPT, candidates=circuit.example.answers[::-1])
    )
    assert other.circuit.measured == pytest.approx(-answer.circuit.measured, abs=1e-5)


def test_a_prompt_that_cannot_be_read_is_refused_in_one_sentence(
    shared_client: TestClient, circuit: CircuitDetail
) -> None:
    long = "( " * 400
    for path in ("traces", "ledgers"):
        status, message = refusal(shared_client, f"{circuit.url}/{path}", prompt=long)
        assert status == 422 and message.endswith("this model reads at most 160")
    assert refusal(shared_client, f"{circuit.url}/contrasts", prompts=["a", ""]) == (
        422,
        "the prompt is empty; it needs at least one token",
    )
    status, message = refusal(shared_client, f"{circuit.url}/contrasts", prompts=["a", "x" * 20_001])
    assert (status, message) == (422, "a prompt has 20,001 characters; it must have at most 20,000")
    status, message = refusal(shared_client, f"{circuit.url}/traces", prompt="a", candidates=["ab cd ef", "b"])
    assert status == 422 and "is not one token here" in message


# -- heads -----------------------------------------------------------------------------------


def test_a_heads_attention_adds_up(shared_client: TestClient, circuit: CircuitDetail, subject: Subject) -> None:
    answer = AttentionAnswer.model_validate_json(
        post(shared_client, f"{circuit.url}/attention", layer=1, head=1, prompt=PROMPT)
    )
    kept = {node.index - 8 for node in circuit.nodes if node.site in ("1.attn.q", "1.attn.k") and node.head == 1}
    for run in (answer.full_model, answer.circuit):
        assert run.sink is not None and run.sink_logit is not None
        for i, row in enumerate(run.pattern):
            assert len(row) == i + 1 and sum(row) + run.sink[i] == pytest.approx(1, abs=1e-4)
        assert {channel.channel for channel in run.channels} == kept
        scores = torch.tensor([channel.scores for channel in run.channels]).sum(dim=0) + torch.tensor(run.rest)
        weights = torch.softmax(torch.cat([torch.tensor([run.sink_logit]), scores]), dim=0)
        assert weights[1:].tolist() == pytest.approx(run.pattern[-1], abs=1e-4)
    assert answer.full_model != answer.circuit
    assert refusal(shared_client, f"{circuit.url}/attention", layer=1, head=2, prompt=PROMPT) == (
        404,
        "no head 1.2; this model has 0.0 to 1.1, layer.head",
    )


def test_sharper_attention_in_one_head(shared_client: TestClient, circuit: CircuitDetail) -> None:
    path = f"{circuit.url}/heads/1.0/sharpness.json?n_pairs={tiny.N_PAIRS}"
    answer = Sharpness.model_validate_json(get(shared_client, path))
    for run, measure in ((answer.full_model, circuit.measures.full_model), (answer.circuit, circuit.measures.circuit)):
        assert [one.normaliser for one in run] == ["softmax", "entmax15", "sparsemax"]
        assert run[0].loss_nats.value == pytest.approx(measure.loss_nats.value, abs=1e-5)
        assert (run[0].change_nats.low, run[0].change_nats.high) == (0, 0)
        for one in run[1:]:
            change = one.loss_nats.value - run[0].loss_nats.value
            assert one.change_nats.value == pytest.approx(change, abs=1e-6)
    assert answer.full_model[2].change_nats.value != 0
    assert answer.calibrated == (circuit.calibration is not None)
    assert refusal(shared_client, f"{circuit.url}/heads/7.0/sharpness.json")[0] == 404
    assert refusal(shared_client, f"{circuit.url}/heads/one.0/sharpness.json")[0] == 422


def test_the_text_that_comes_with_the_app_says_whose_it_is() -> None:
    folder = Path(__file__).parent.parent / "bundle" / "corpus"
    documents = [json.loads(line) for line in (folder / "python.jsonl").read_text().splitlines()]
    terms = (folder / "LICENCES.txt").read_text()
    for document in documents:
        assert set(document) == {"text", "source", "licence"} and document["text"].strip()
        if document["source"] != "generated":
            assert document["licence"].startswith(("MIT", "BSD", "Apache"))
            assert f"{document['source'].split()[0]} ({document['licence']})" in terms
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000
