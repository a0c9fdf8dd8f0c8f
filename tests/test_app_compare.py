"""Two circuits beside each other: overlaps worked out by hand, seeds, chance, and models that cannot be matched."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient

import tiny
from app.compare import set_overlap
from app.main import create_app
from app.schemas import CircuitDetail
from app.schemas.compare import CircuitComparison, OtherModel, SameModel, SeedsMeasured, SeedsMissing
from app.settings import Settings
from model.checkpoint import load_model, save_model
from model.subject import Subject
from ordered import ordered_circuit

A = ("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:0")
B = ("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1", "0.mlp.post_act:2")
HTML = {"accept": "text/html"}


@pytest.fixture
def subject(client: TestClient) -> Subject:
    return client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined, no-any-return]


def keep(client: TestClient, subject: Subject, nodes: tuple[str, ...], **settings: float) -> CircuitDetail:
    made = ordered_circuit(subject, len(nodes), nodes, **settings)
    client.app.state.store.keep_circuit(made)  # type: ignore[attr-defined]
    return made


def compared(client: TestClient, a: CircuitDetail, b: CircuitDetail) -> CircuitComparison:
    return CircuitComparison.model_validate_json(client.get(f"/compare.json?a={a.id}&b={b.id}").text)


def same_model(found: CircuitComparison) -> SameModel:
    assert isinstance(found.overlap, SameModel)
    return found.overlap


def test_what_both_have_over_what_either_has(client: TestClient, subject: Subject) -> None:
    """Nodes: 2 shared, 1 and 2 alone: 2/5. Edges (every weight of the tiny model is there): A has in->n0->w0, B has
    in->n0, in->n2, n0->w1, n2->w1; one is shared of 5."""
    found = compared(client, keep(client, subject, A), keep(client, subject, B))
    overlap = same_model(found)
    nodes, edges = overlap.nodes, overlap.edges
    assert (nodes.n_shared, nodes.n_only_a, nodes.n_only_b, nodes.jaccard) == (2, 1, 2, 2 / 5)
    assert (edges.n_shared, edges.n_only_a, edges.n_only_b, edges.jaccard) == (1, 1, 3, 1 / 5)
    assert {node.id: node.side for node in overlap.node_list} == {
        "0.mlp.act_in:0": "both", "0.mlp.post_act:0": "both", "0.mlp.post_act:2": "b", "0.mlp.resid_delta:0": "a",
        "0.mlp.resid_delta:1": "b",
    }  # fmt: skip
    only_a = next(node for node in overlap.node_list if node.side == "a")
    assert only_a.effect_nats_a is not None and only_a.effect_nats_b is None
    counts = [(site.site, site.n_a, site.n_b, site.width_a) for site in found.sites]
    assert counts == [("0.mlp.act_in", 1, 1, 16), ("0.mlp.post_act", 1, 2, 24), ("0.mlp.resid_delta", 1, 1, 16)]


def test_chance_is_that_of_the_counts_at_each_site(client: TestClient, subject: Subject) -> None:
    """One of 16, one of 24, one of 16 in each: all three shared gives 1, two 1/2, one 1/5."""
    other = ("0.mlp.act_in:3", "0.mlp.post_act:3", "0.mlp.resid_delta:3")
    overlap = same_model(compared(client, keep(client, subject, A), keep(client, subject, other)))
    p, q = 1 / 16, 1 / 24
    three, one = p * p * q, 2 * p * (1 - p) * (1 - q) + (1 - p) ** 2 * q
    two = p * p * (1 - q) + 2 * p * (1 - p) * q
    assert overlap.nodes.jaccard == 0
    assert overlap.nodes_by_chance.method == "exact"
    assert overlap.nodes_by_chance.mean == pytest.approx(three + two / 2 + one / 5)
    assert overlap.edges_by_chance.method == "sample" and overlap.edges_by_chance.n_draws == 100
    assert overlap.edges_by_chance.mean < 0.1


def test_a_circuit_overlaps_wholly_with_itself(client: TestClient, subject: Subject) -> None:
    a = keep(client, subject, A)
    overlap = same_model(compared(client, a, a))
    assert overlap.nodes.jaccard == overlap.edges.jaccard == 1
    assert len(overlap.seeds) == 1 and overlap.seeds[0].of == "both"


def test_without_another_seed_it_is_missing_and_says_what_to_prune(client: TestClient, subject: Subject) -> None:
    found = compared(client, keep(client, subject, A, seed=4, lr=0.77), keep(client, subject, B, seed=5, lr=0.66))
    seeds = same_model(found).seeds
    assert [s.of for s in seeds] == ["a", "b"], "they differ in more than the seed"
    assert all(isinstance(s, SeedsMissing) for s in seeds)
    assert isinstance(seeds[0], SeedsMissing)
    assert (seeds[0].settings.seed, seeds[0].settings.lr) == (5, 0.77)


def test_seeds_are_every_pair_of_the_same_run(client: TestClient, subject: Subject) -> None:
    """Seeds 1 and 2 share 2 of 5 nodes, 1 and 3 none of 7, 2 and 3 one of 7."""
    a, b = (keep(client, subject, nodes, seed=seed, lr=0.77) for nodes, seed in ((A, 1), (B, 2)))
    seeds = same_model(compared(client, a, b)).seeds
    assert len(seeds) == 1 and isinstance(seeds[0], SeedsMeasured)
    assert seeds[0].n_pairs == 1 and seeds[0].is_this_pair
    third = ordered_circuit(subject, 4, ("0.mlp.act_in:1", "0.mlp.post_act:1", "0.mlp.resid_delta:1", "0.attn.v:1"),
                            seed=3, lr=0.77)  # fmt: skip
    client.app.state.store.keep_circuit(third)  # type: ignore[attr-defined]
    found = same_model(compared(client, a, b)).seeds[0]
    assert isinstance(found, SeedsMeasured)
    assert (found.seeds, found.n_pairs, found.is_this_pair) == ([1, 2, 3], 3, False)
    assert found.nodes.mean == pytest.approx((2 / 5 + 0 + 1 / 7) / 3)
    assert (found.nodes.low, found.nodes.high) == (0, 2 / 5)


def test_the_page_says_the_same_without_javascript(client: TestClient, subject: Subject) -> None:
    a, b = keep(client, subject, A), keep(client, subject, B)
    page = client.get(f"/compare?a={a.id}&b={b.id}", headers=HTML).text
    assert "2 of 5" in page and "0.400" in page and "missing" in page
    own = client.get(a.url, headers=HTML).text
    assert f'<option value="{b.id}"' in own and 'action="/compare"' in own
    assert 'action="/compare"' in client.get("/circuits", headers=HTML).text


def test_names_that_are_none_are_refused(client: TestClient, circuit_id: str) -> None:
    answer = client.get(f"/compare.json?a={circuit_id}&b={'0' * 16}")
    assert answer.status_code == 404 and "no circuit '0000000000000000'" in answer.json()["error"]["message"]
    answer = client.get(f"/compare.json?a={circuit_id}&b=quotes")
    assert answer.status_code == 422 and "b is 'quotes'; it must be 16 hexa" in answer.json()["error"]["message"]
    assert client.get(f"/compare.json?a={circuit_id}").status_code == 422


def test_empty_sets_have_no_overlap() -> None:
    assert set_overlap(set(), set()).jaccard is None
    assert set_overlap(set(), {"x"}).jaccard == 0


@pytest.fixture
def two_models(tmp_path: Path, tiny_bundle: Path) -> Iterator[TestClient]:
    """The tiny model and another of the same shape and other weights."""
    folder = tmp_path / "data" / "models" / "other"
    shutil.copytree(tiny_bundle / "models" / tiny.MODEL, folder)
    model = load_model(folder)
    with torch.no_grad():
        model.wte.weight.add_(0.5)
    save_model(model, folder)
    settings = Settings(data_dir=tmp_path / "data", bundle_dir=tiny_bundle, device="cpu", worker=False)
    with TestClient(create_app(settings)) as client:
        yield client


def test_nodes_of_different_models_are_not_matched(two_models: TestClient) -> None:
    library = two_models.app.state.library  # type: ignore[attr-defined]
    a = keep(two_models, library.subject(tiny.MODEL), A)
    b = keep(two_models, library.subject("other"), A)
    found = compared(two_models, a, b)
    assert isinstance(found.overlap, OtherModel) and "not matched" in found.overlap.why
    assert found.same_task and [(s.n_a, s.n_b) for s in found.sites] == [(1, 1)] * 3
    page = two_models.get(f"/compare?a={a.id}&b={b.id}", headers=HTML).text
    assert "nodes are not matched" in page and 'id="graph"' not in page
    assert all(f'data-circuit="{c.id}"' in page and f"/circuits/{c.id}/exports/svg" in page for c in (a, b))
