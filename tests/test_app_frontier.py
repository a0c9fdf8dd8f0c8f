"""The frontier: the smallest circuits that meet the target, means over common tasks, the ratio to the dense twin."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tiny
from app.errors import Refusal
from app.frontier import FrontierQuery, frontier
from app.model_groups import model_groups
from app.schemas import CircuitDetail, CircuitSummary, Frontier, FrontierPoint, Interval, ModelSummary

HTML = {"accept": "text/html"}
QUERY = FrontierQuery(0.15, "mixed", None, ())


@pytest.fixture(scope="module")
def plain(shared_client: TestClient) -> ModelSummary:
    return ModelSummary.model_validate(shared_client.get("/models.json").json()[0])


def model(plain: ModelSummary, name: str, **changes: Any) -> ModelSummary:
    return plain.model_copy(update={"name": name, "density": 0.05, **changes})


def circuit(name: str, task: str, n_edges: int, low: float = 0.13) -> CircuitSummary:
    return CircuitSummary(
        id=f"{abs(hash((name, task, n_edges))):016x}"[:16], url=f"/circuits/{name}-{task}-{n_edges}", model=name,
        task=task, task_title=task.upper(), created_at=datetime(2026, 1, 1, tzinfo=UTC), n_nodes=n_edges + 1,
        n_edges=n_edges, loss_nats=Interval(value=low + 0.02, low=low, high=low + 0.04), full_model_loss_nats=0.01,
    )  # fmt: skip


def by_model(found: Frontier) -> dict[str, FrontierPoint]:
    return {point.model: point for point in found.points}


def test_sizes_are_geometric_means_over_common_tasks_and_ratios_are_to_the_dense_twin(plain: ModelSummary) -> None:
    models = [
        model(plain, "sparse"), model(plain, "wide"), model(plain, "twin", density=1.0), model(plain, "empty"),
    ]  # fmt: skip
    circuits = [
        circuit("sparse", "a", 10), circuit("sparse", "a", 4), circuit("sparse", "b", 9), circuit("sparse", "c", 99),
        circuit("wide", "a", 16), circuit("wide", "b", 16),
        circuit("twin", "a", 64), circuit("twin", "b", 144), circuit("twin", "d", 5),
    ]  # fmt: skip
    found = frontier(models, circuits, QUERY)
    points = by_model(found)
    assert [(t.task, t.common) for t in found.tasks] == [("a", True), ("b", True), ("c", False), ("d", False)]
    assert points["sparse"].n_edges == pytest.approx((4 * 9) ** 0.5)
    assert points["twin"].n_edges == pytest.approx(96) and found.dense_twin == "twin" and points["twin"].is_dense
    assert points["sparse"].times_smaller == pytest.approx(16) and points["twin"].times_smaller == 1
    assert points["wide"].times_smaller == pytest.approx(6)
    assert not points["empty"].shown and points["empty"].n_edges is None
    assert points["empty"].why_not == "no circuit at the target loss"
    assert [p.model for p in found.points] == ["sparse", "wide", "twin", "empty"], "the smallest first"
    assert {s.task: s.n_edges for s in points["sparse"].smallest} == {"a": 4, "b": 9, "c": 99}


def test_a_circuit_counts_when_its_interval_reaches_the_target(plain: ModelSummary) -> None:
    circuits = [circuit("m", "a", 5, low=0.151), circuit("m", "a", 8, low=0.15)]
    (point,) = frontier([model(plain, "m")], circuits, QUERY).points
    assert point.n_edges == pytest.approx(8)
    (point,) = frontier([model(plain, "m")], circuits, QUERY._replace(target_loss_nats=0.2)).points
    assert point.n_edges == pytest.approx(5)


def test_models_without_a_task_in_common_are_left_out_unless_asked_for(plain: ModelSummary) -> None:
    models = [model(plain, "brackets"), model(plain, "one"), model(plain, "two")]
    circuits = [circuit(m, t, 7) for m, t in (("one", "a"), ("one", "b"), ("two", "a"), ("brackets", "dyck"))]
    points = by_model(frontier(models, circuits, QUERY))
    assert [name for name, point in points.items() if point.shown] == ["one", "two"]
    asked = frontier(models, circuits, QUERY._replace(models=["one", "brackets"]))
    assert [p.n_edges for p in asked.points] == [None, None, None] and not any(t.common for t in asked.tasks)
    alone = by_model(frontier(models, circuits, QUERY._replace(models=["brackets"])))
    assert alone["brackets"].n_edges == pytest.approx(7)
    with pytest.raises(Refusal, match="no model 'x'; there are: brackets, one, two"):
        frontier(models, circuits, QUERY._replace(models=["x"]))


def test_sizes_on_one_task(plain: ModelSummary) -> None:
    models = [model(plain, "one"), model(plain, "two")]
    circuits = [circuit("one", "a", 7), circuit("one", "b", 3), circuit("two", "a", 5)]
    points = by_model(frontier(models, circuits, QUERY._replace(task="b")))
    assert points["one"].n_edges == pytest.approx(3) and points["two"].n_edges is None
    with pytest.raises(Refusal, match="no task with a circuit at the target 'z'; there are: a, b"):
        frontier(models, circuits, QUERY._replace(task="z"))


def test_a_circuit_without_edges_counts_as_one(plain: ModelSummary) -> None:
    (point,) = frontier([model(plain, "m")], [circuit("m", "a", 0), circuit("m", "b", 16)], QUERY).points
    assert point.n_edges == pytest.approx(4)


def test_the_page_has_the_numbers_of_its_twin(client: TestClient, circuit_id: str) -> None:
    assert client.get("/frontier.json").json()["points"][0]["shown"] is False
    empty = client.get("/frontier", headers=HTML)
    assert empty.status_code == 200 and "No model has a circuit at this loss yet" in empty.text
    query = "?target=2&loss=generated"
    found = Frontier.model_validate(client.get(f"/frontier.json{query}").json())
    (point,) = found.points
    assert [s.circuit for s in point.smallest] == [circuit_id] and point.n_edges is not None
    text = client.get(f"/frontier{query}", headers=HTML).text
    table = text.split('data-testid="frontier-table"')[1].split("</table>")[0]
    assert f"{point.n_edges:.1f}" in table and "6.400" in table and f"/circuits?model={tiny.MODEL}" in table
    assert f'href="/circuits/{circuit_id}"' in text.split('data-testid="frontier-by-task"')[1]
    assert client.get("/frontier.json?loss=best").status_code == 422


def test_circuits_of_weights_that_are_gone_are_left_out(client: TestClient, tiny_bundle: Path) -> None:
    made = tiny.make_circuit(tiny_bundle / "models" / tiny.MODEL, every=4)
    old = CircuitDetail.model_validate(made.model_dump() | {"id": "f" * 16, "model_fingerprint": "0" * 64})
    client.app.state.store.keep_circuit(old)  # type: ignore[attr-defined]
    (point,) = client.get("/frontier.json?target=2").json()["points"]
    assert "f" * 16 not in [s["circuit"] for s in point["smallest"]]
    client.app.state.store.keep_circuit(made)  # type: ignore[attr-defined]
    (point,) = client.get("/frontier.json?target=2").json()["points"]
    assert [s["circuit"] for s in point["smallest"]] == [made.id], "fewer edges than the bundled one"


def test_the_home_page_tells_seeds_in_one_line_and_the_best_model_first(plain: ModelSummary) -> None:
    models = [
        model(plain, "s0", role="seed", family="small"), model(plain, "s1", role="seed", family="small"),
        model(plain, "dense", role="dense_twin", family="big"), model(plain, "best", role="best", family="big"),
        model(plain, "mine", role=None, family=None), model(plain, "lone", role="seed", family="other"),
    ]  # fmt: skip
    groups = model_groups(models)
    assert [(g.family, [m.name for m in g.models], [m.name for m in g.repeats]) for g in groups] == [
        ("big", ["best", "dense"], []), (None, ["mine"], []), ("small", [], ["s0", "s1"]), ("other", ["lone"], []),
    ]  # fmt: skip
