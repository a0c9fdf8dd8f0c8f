"""The ablation lab over HTTP: interventions and what is found beside them; estimates, interplay, steering."""

import json
import math
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tiny
from app.pruning import circuit_record
from app.schemas import Ablation, CircuitDetail
from app.schemas.lab import AblationCheck, Estimate
from asked import MODEL, body, done, on, swept
from model.calibrate import Calibration
from model.circuit import Circuit
from model.sites import Node
from model.tasks import TASKS

# -- what is asked ---------------------------------------------------------------------------


def test_both_forms_of_a_node_cut_are_one_record(shared_client: TestClient, circuit: CircuitDetail) -> None:
    nodes = [circuit.nodes[0].id, circuit.nodes[5].id]
    long = done(shared_client, circuit, *(on(node) for node in reversed(nodes)))
    short = shared_client.post("/ablations", json=body(circuit) | {"interventions": [], "nodes": nodes})
    assert short.status_code == 200 and short.json()["id"] == long.id
    assert long.request.nodes == nodes and long.request.interventions == []


def test_a_head_a_block_and_a_layer_are_all_their_nodes(shared_client: TestClient, circuit: CircuitDetail) -> None:
    head = [n.id for n in circuit.nodes if n.layer == 0 and n.head == 1]
    block = [n.id for n in circuit.nodes if n.id.startswith("1.mlp")]
    layer = [n.id for n in circuit.nodes if n.layer == 1]
    for name, nodes in (("0.attn.h1", head), ("1.mlp", block), ("1", layer)):
        assert len(nodes) > 2
        whole, each = done(shared_client, circuit, on(name)), done(shared_client, circuit, *map(on, nodes))
        assert whole.after == each.after and whole.interplay is None


def test_an_edge_at_its_mean_and_at_zero(shared_client: TestClient, circuit: CircuitDetail) -> None:
    edges = swept(shared_client, circuit, "zero").edges
    edge = max(edges, key=lambda edge: abs(edge.effect_nats.value))
    name = f"{edge.source}->{edge.target}"
    zero, mean = done(shared_client, circuit, on(name, "zero")), done(shared_client, circuit, on(name))
    assert abs(edge.effect_nats.value) > 1e-5
    assert math.isclose(zero.loss_change_nats.value, edge.effect_nats.value, abs_tol=1e-6)
    assert zero.id != mean.id and zero.after != mean.after
    whole = done(shared_client, MODEL, on(name, "zero"))
    assert whole.reference.keys() == {"full_model", "empty_circuit"} and whole.loss_change_nats.value != 0


def test_every_figure_beside_a_calibrated_circuit_says_which_logits_it_is_of(
    client: TestClient, circuit: CircuitDetail
) -> None:
    """Cutting all of it leaves the empty circuit under the same calibration; as they are stand beside."""
    subject = client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined]
    kept = Circuit.of(subject.fingerprint, tiny.TASK, [Node(n.site, n.index) for n in circuit.nodes])
    scaled = circuit_record(
        subject, TASKS[tiny.TASK], kept.calibrated(Calibration(3.0, -0.5)), circuit.provenance, n_pairs=tiny.N_PAIRS
    )
    client.app.state.store.keep_circuit(scaled)  # type: ignore[attr-defined]
    cut = done(client, scaled, on("0"), on("1"))
    assert cut.calibration is not None and (cut.calibration.scale, cut.calibration.shift) == (3.0, -0.5)
    loss = {name: measure.loss_nats.value for name, measure in cut.reference.items()}
    assert cut.after.loss_nats.value == pytest.approx(loss["calibrated_empty_circuit"], abs=1e-5)
    assert cut.before == cut.reference["circuit"] == scaled.measures.circuit
    assert cut.reference["uncalibrated_circuit"] == circuit.measures.circuit
    assert loss["empty_circuit"] == pytest.approx(circuit.measures.empty_circuit.loss_nats.value, abs=1e-5)
    assert abs(loss["empty_circuit"] - loss["calibrated_empty_circuit"]) > 1e-3
    plain = done(client, circuit, on("0"), on("1"))
    assert plain.calibration is None
    assert plain.after.loss_nats.value == pytest.approx(loss["empty_circuit"], abs=1e-5)
    assert plain.reference.keys() == {"full_model", "circuit", "empty_circuit"}
    page = client.get(cut.url, headers={"accept": "text/html"}).text
    assert "multiplies its logits by 3" in page and "empty circuit, same calibration" in page
    check = AblationCheck.model_validate_json(client.post(f"{cut.url}/checks").text)
    assert check.verdict == "reproduced" and check.tolerance_nats == pytest.approx(3e-4)
    assert "times 3 by which" in check.tolerance_reason


def test_a_claim_about_the_full_model_leads_back_to_its_circuit(
    client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    """The circuit beside which it was asked decides no figure, so the id is the same without it."""
    asked = [on(weightiest[0], "steer", t=0.5)]
    record = done(client, MODEL | {"circuit": circuit.id}, *asked)
    assert record.request.target.circuit == circuit.id
    assert client.post("/ablations", json=body(MODEL, *asked)).json()["id"] == record.id
    page = client.get(record.url, headers={"accept": "text/html"}).text
    assert f'href="{circuit.url}?cut={weightiest[0].replace(":", "%3A")}' in page and "within=model" in page
    assert 'id="steer-figure"' in page
    bare = done(client, MODEL, on(weightiest[1]))
    page = client.get(bare.url, headers={"accept": "text/html"}).text
    assert f'href="{circuit.url}" data-testid="other-circuit"' in page


def test_modes_differ_and_their_seed_decides_what_is_drawn(
    shared_client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    node = weightiest[0]
    asked = [on(node), on(node, "zero"), on(node, "resample"), on(node, "patch"), on(node, "value", value=1.5),
             on(node, "steer", t=0.25)]  # fmt: skip
    records = [done(shared_client, circuit, one) for one in asked]
    assert len({record.id for record in records}) == len({record.after.loss_nats.value for record in records}) == 6
    assert {record.before.loss_nats.value for record in records} == {circuit.measures.circuit.loss_nats.value}
    again = shared_client.post("/ablations", json=body(circuit, asked[2]))
    assert again.status_code == 200 and again.json()["id"] == records[2].id


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ([], 422, "the request sets nothing; give interventions, or nodes with a mode"),
        ([on("quote")], 422, "interventions[0].on is 'quote'; it must be a node, an edge, a head, a block or a layer"),
        ([on("0.mlp.post_act:1")], 404, "'0.mlp.post_act:1' is not a node of circuit"),
        ([on("0.attn.h7")], 404, "no head '0.attn.h7'; attention has the heads h0 to h1"),
        ([on("9")], 404, "no layer 9; this model has the layers 0 to 1"),
        ([on("0.mlp.act_in:0->1.mlp.post_act:0")], 404, "is not an edge of circuit"),
        ([on("0.mlp.post_act:0"), on("0.mlp", "zero")], 422, "0.mlp.post_act:0 is set twice by "),
        ([on("0.mlp.post_act:0", "steer", t=1.5)], 422, "interventions[0].t is 1.5; it must be at most 1"),
        ([on("0.mlp.post_act:0", "steer", t=-0.1)], 422, "interventions[0].t is -0.1; it must be at least 0"),
        ([on("0.mlp.post_act:0", "steer")], 422, "interventions[0].t is missing"),
        ([on("0.mlp.post_act:0", "drop")], 422, "of a kind that exists: 'mean', 'zero', 'resample', 'patch', 'value'"),
        ([on("0.mlp.post_act:0", t=0.5)], 422, "interventions[0].t is not a field of this request"),
        ([on("0.mlp.act_in:0->0.mlp.post_act:0", "patch")], 422, "is an edge, which cannot be set to patch"),
        ([on("0.mlp.post_act:0")] * 20_001, 422, "interventions is 20,001 items; it must have at most 20,000 items"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(
    shared_client: TestClient, circuit: CircuitDetail, asked: list[dict[str, Any]], status: int, says: str
) -> None:
    for path in ("/ablations", "/ablations/estimates"):
        content = json.dumps(body(circuit, *asked), separators=(",", ":"))
        response = shared_client.post(path, content=content, headers={"content-type": "application/json"})
        if status == 422 and len(asked) > 20_000 and response.status_code == 413:
            continue
        assert response.status_code == status, response.text
        assert says in response.json()["error"]["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_value_is_a_finite_number(shared_client: TestClient, circuit: CircuitDetail, number: str) -> None:
    text = json.dumps(body(circuit, on(circuit.nodes[0].id, "value", value=7))).replace("7}", number + "}")
    response = shared_client.post("/ablations", content=text, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert "must be a finite number" in response.text or "the body is not JSON" in response.text


def test_one_pair_cannot_be_resampled(shared_client: TestClient, circuit: CircuitDetail) -> None:
    response = shared_client.post("/ablations", json=body(circuit, on(circuit.nodes[0].id, "resample"), n_pairs=1))
    assert response.status_code == 422 and "n_pairs is 1; it must be at least 2" in response.text


# -- what is found ---------------------------------------------------------------------------


def test_an_estimate_comes_first_and_stays_in_the_record(
    shared_client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    asked = body(circuit, on(weightiest[1], "zero"))
    first = Estimate.model_validate_json(shared_client.post("/ablations/estimates", json=asked).text)
    record = Ablation.model_validate_json(shared_client.post("/ablations", json=asked).text)
    assert record.estimate == first and (first.n_pairs, first.of_pairs) == (8, tiny.N_PAIRS)
    assert first.loss_change_nats.low < first.loss_change_nats.value < first.loss_change_nats.high
    unasked = body(circuit, on(weightiest[2], "zero"))
    stated = Ablation.model_validate_json(shared_client.post("/ablations", json=unasked).text).estimate
    later = Estimate.model_validate_json(shared_client.post("/ablations/estimates", json=unasked).text)
    assert stated is not None
    assert stated.loss_change_nats.model_dump() == pytest.approx(later.loss_change_nats.model_dump(), abs=1e-5)
    few = Ablation.model_validate_json(shared_client.post("/ablations", json=asked | {"n_pairs": 8}).text)
    assert few.estimate is None and math.isclose(few.loss_change_nats.value, first.loss_change_nats.value, abs_tol=1e-6)
    refused = shared_client.post("/ablations/estimates", json=asked | {"n_pairs": 8})
    assert refused.status_code == 409 and "n_pairs is 8" in refused.text


def test_several_cuts_are_held_against_their_sum(
    shared_client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    for target in (circuit, MODEL):
        record = done(shared_client, target, *map(on, weightiest[:3]))
        play = record.interplay
        assert play is not None and play.joint_nats == record.loss_change_nats
        alone = {part.on: part.alone_nats.value for part in play.parts}
        assert math.isclose(play.sum_nats.value, sum(alone.values()), abs_tol=1e-6)
        assert math.isclose(play.beyond_nats.value, play.joint_nats.value - play.sum_nats.value, abs_tol=1e-6)
        for part in play.parts:
            single = done(shared_client, target, on(part.on))
            others = done(shared_client, target, *(on(node) for node in alone if node != part.on))
            assert math.isclose(part.alone_nats.value, single.loss_change_nats.value, abs_tol=1e-5)
            assert math.isclose(part.without_nats.value, others.loss_change_nats.value, abs_tol=1e-5)


def test_steering_has_its_own_point_on_the_curve_and_controls_beside(
    shared_client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    node = weightiest[0]
    record = done(shared_client, circuit, on(node, "steer", t=0.5))
    steering = record.steering
    assert steering is not None and steering.n_pairs == tiny.N_PAIRS and steering.curve.nodes == [node]
    middle = next(point for point in steering.curve.points if point.t == 0.5)
    assert math.isclose(middle.loss_nats.value, record.after.loss_nats.value, abs_tol=1e-6)
    assert [point.t for point in steering.curve.points] == pytest.approx([i / 10 for i in range(11)])
    assert steering.controls
    for control in steering.controls:
        (other,) = control.nodes
        assert other != node and other.split(":")[0] == node.split(":")[0]


def test_the_curve_of_a_steered_node_is_measured_once_for_all_places_of_the_slider(
    shared_client: TestClient, weightiest: list[str]
) -> None:
    low, high = (done(shared_client, MODEL, on(weightiest[1], "steer", t=t)) for t in (0.2, 0.8))
    assert low.id != high.id and low.after != high.after and low.steering == high.steering
    assert low.steering is not None and len(low.steering.controls) == 3
    beside = done(shared_client, MODEL, on(weightiest[1], "steer", t=0.2), on(weightiest[2], "value", value=1))
    assert beside.steering is not None and beside.steering.curve != low.steering.curve


def test_what_else_breaks_is_measured_in_the_full_model(
    shared_client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    record = done(shared_client, MODEL, on("1.mlp", "zero"))
    assert record.corpus is not None and record.corpus.kind == "measured"
    before, after, change = record.corpus.before_nats, record.corpus.after_nats, record.corpus.change_nats
    assert math.isclose(after.value - before.value, change.value, abs_tol=1e-5) and change.value != 0
    assert record.corpus.n_tokens == record.corpus.n_windows * 127
    for other, says in ((done(shared_client, circuit, on(weightiest[0])), "intervene in the full model"),
                        (done(shared_client, MODEL, on("1.mlp", "patch")), "the corpus has no pairs")):  # fmt: skip
        assert other.corpus is not None and other.corpus.kind == "none" and says in other.corpus.reason


def test_the_pairs_that_changed_most_come_with_their_tokens(shared_client: TestClient, circuit: CircuitDetail) -> None:
    for pair in done(shared_client, circuit, on("1")).changed:
        assert pair.tokens is not None
        assert ["".join(tokens) for tokens in pair.tokens.prompts] == list(pair.pair.prompts)
