"""Failures, stress curves, rules and proposed labels over HTTP."""

import math

import pytest
from fastapi.testclient import TestClient

import tiny
from app.schemas import CircuitDetail
from app.schemas.trials import Failures, LabelProposals, RuleBench, Stress

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def circuit(shared_client: TestClient, circuit_id: str) -> CircuitDetail:
    return shared_client.app.state.store.circuit(circuit_id)  # type: ignore[attr-defined, no-any-return]


@pytest.fixture(scope="module")
def url(circuit_id: str) -> str:
    return f"/circuits/{circuit_id}"


def failures_of(client: TestClient, url: str, query: str = "") -> Failures:
    return Failures.model_validate_json(client.get(f"{url}/failures.json{query}").text)


def test_failures_are_ranked_and_add_up(shared_client: TestClient, url: str) -> None:
    found = failures_of(shared_client, url, "?n_pairs=12&limit=24")
    assert found.n_prompts == len(found.failures) == 24 and found.split == "heldout"
    keys = [(not f.opposite, -f.gap_nats) for f in found.failures]
    assert keys == sorted(keys) and found.n_opposite == sum(f.opposite for f in found.failures)
    assert found.agreement.value == pytest.approx(1 - found.n_opposite / 24)
    for f in found.failures:
        assert f.gap_nats == pytest.approx(abs(f.full_model_logit_diff - f.circuit_logit_diff))
        assert f.circuit_probability == pytest.approx(1 / (1 + math.exp(-f.circuit_logit_diff)))
        assert f.opposite == ((f.full_model_logit_diff > 0) != (f.circuit_logit_diff > 0))
    assert found.n_circuit_wrong == sum(f.circuit_logit_diff <= 0 for f in found.failures)
    assert [f.prompt for f in failures_of(shared_client, url, "?n_pairs=12&limit=3").failures] == [
        f.prompt for f in found.failures[:3]
    ]


def test_a_failing_prompt_links_to_the_live_prompt(shared_client: TestClient, url: str) -> None:
    page = shared_client.get(f"{url}/failures?n_pairs=4", headers=HTML).text
    assert f'href="{url}?prompt=' in page and "panel=prompt" in page


def test_prompts_of_ones_own_are_answered_as_a_run_answers_them(shared_client: TestClient, url: str) -> None:
    prompts = ['print("a', "print('b"]
    found = Failures.model_validate_json(shared_client.post(f"{url}/failures", json={"prompts": prompts}).text)
    assert found.split == "own" and {f.prompt for f in found.failures} == set(prompts) and found.n_prompts == 2
    for f in found.failures:
        run = shared_client.post(f"{url}/runs", json={"prompt": f.prompt}).json()
        assert f.full_model_logit_diff == pytest.approx(run["full_model"]["logit_diff"], abs=1e-4)
        assert f.circuit_logit_diff == pytest.approx(run["circuit"]["logit_diff"], abs=1e-4)
    refused = shared_client.post(f"{url}/failures", json={"prompts": [" x" * 400]})
    assert refused.status_code == 422 and "reads at most 160" in refused.json()["error"]["message"]


def test_a_sweep_is_measured_and_shown(shared_client: TestClient, url: str) -> None:
    listed = Stress.model_validate_json(shared_client.get(f"{url}/stress.json").text)
    assert listed.curve is None and [s.name for s in listed.sweeps] == ["distance", "distractors", "before"]
    found = Stress.model_validate_json(shared_client.get(f"{url}/stress.json?sweep=before&n_pairs=3").text)
    curve = found.curve
    assert curve is not None and curve.points and curve.points[0].value == 0 and curve.block_size == 160
    assert all(p.full_model.n_pairs == p.n_pairs <= 3 and p.n_tokens <= 160 for p in curve.points)
    if len(curve.points) < len(curve.sweep.values):
        assert curve.limit is not None and "the model reads at most 160" in curve.limit
    page = shared_client.get(f"{url}/stress?sweep=before&n_pairs=3", headers=HTML).text
    assert "lines of code before the prompt" in page and 'data-testid="stress"' in page
    refused = shared_client.get(f"{url}/stress.json?sweep=luck")
    assert refused.status_code == 404
    message = refused.json()["error"]["message"]
    assert message == f"no sweep 'luck'; {tiny.TASK} has: distance, distractors, before"


def rule_of(client: TestClient, url: str, rule: str) -> RuleBench:
    return RuleBench.model_validate_json(client.get(f"{url}/rules.json", params={"rule": rule, "n_pairs": 10}).text)


def test_the_right_rule_agrees_with_the_truth_and_its_negation_never(shared_client: TestClient, url: str) -> None:
    right, wrong = (rule_of(shared_client, url, r).result for r in ("quote_open == '\"'", "not quote_open == '\"'"))
    assert right is not None and wrong is not None
    assert right.rule_truth.value == 1 and wrong.rule_truth.value == 0
    assert right.rule_circuit.value == pytest.approx(1 - wrong.rule_circuit.value)
    assert right.rule_circuit.value == pytest.approx(right.circuit_truth.value), "the rule is the truth"
    assert right.n_disagree == round(20 * (1 - right.rule_circuit.value)) and len(right.disagree) <= 12
    for prompt in right.disagree:
        assert prompt.rule == prompt.truth != prompt.circuit
    always = rule_of(shared_client, url, "true").result
    assert always is not None and always.rule_truth.value == 0.5 and always.rule_truth.low == always.rule_truth.high


def test_a_fault_of_a_rule_is_shown_with_its_place(shared_client: TestClient, url: str) -> None:
    found = rule_of(shared_client, url, "depth = 1")
    assert found.result is None and found.fault is not None and found.fault.position == 6
    assert found.fault.message == "at character 7: one = is no sign of the language; equal is =="
    page = shared_client.get(f"{url}/rules", params={"rule": "<b> == 1"}, headers=HTML).text
    assert "&lt;b&gt;" in page and "<b>" not in page and "At character 1" in page
    plain = shared_client.get(f"{url}/rules", headers=HTML).text
    assert "quote_open" in plain and "count(…)" in plain
    bare = RuleBench.model_validate_json(shared_client.get(f"{url}/rules.json").text)
    assert bare.rule is bare.result is bare.fault is None and len(bare.words) > 15


def test_a_label_is_proposed_with_its_precision_on_unseen_documents(
    shared_client: TestClient, url: str, circuit: CircuitDetail
) -> None:
    proposed = []
    for node in circuit.nodes[::9]:
        answer = shared_client.get(f"{url}/nodes/{node.id}/label.json")
        found = LabelProposals.model_validate_json(answer.text)
        assert found.proposals or found.why_none
        proposed += found.proposals
    assert proposed
    for label in proposed:
        assert len(label.label) <= 80 and 0 < label.n_fires < label.n_tokens and label.n_documents > 10
        if label.precision is not None and label.recall is not None and label.heldout_f1 > 0:
            p, r = label.precision.value, label.recall.value
            assert label.heldout_f1 == pytest.approx(2 * p * r / (p + r))
        assert label.weak == (label.heldout_f1 < 0.5)
        assert label.precision is None or 0 <= label.precision.low <= label.precision.value <= label.precision.high <= 1
        bench = rule_of(shared_client, url, label.rule)
        assert bench.fault is None, "a proposal is a rule of the language"
    assert shared_client.get(f"{url}/nodes/9.mlp.post_act:0/label.json").status_code == 404
    inside = shared_client.get(f"{url}/nodes/{circuit.nodes[0].id}/label.json?within=circuit").json()
    assert inside["within"] == "circuit"


def test_every_page_around_a_circuit_has_its_twin(shared_client: TestClient, url: str) -> None:
    for name in ("card", "failures", "stress", "rules"):
        page = shared_client.get(f"{url}/{name}", headers=HTML)
        assert page.status_code == 200, page.text
        for other in ("card", "failures", "stress", "rules"):
            assert f'href="{url}/{other}"' in page.text
        assert shared_client.get(f"{url}/{name}.json").status_code == 200
        assert shared_client.get(f"/circuits/{'0' * 16}/{name}.json").status_code == 404
