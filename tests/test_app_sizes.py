"""Every size of a pruning order: its graph by rank, its loss on held-out pairs, and how it is kept."""

import pytest
from fastapi.testclient import TestClient

import tiny
from app.schemas import CircuitDetail
from app.schemas.sizes import CircuitSizes, MeasuredSize
from app.sizes import N_PAIRS
from model.ablate import compiled
from model.batch import encode_pairs
from model.circuit import Circuit, Edge
from model.gate import keep_only
from model.measure import measure
from model.sites import parse_node
from model.subject import Subject
from model.tasks import TASKS
from ordered import ORDER, ordered_circuit


@pytest.fixture
def subject(client: TestClient) -> Subject:
    return client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def circuit(client: TestClient, subject: Subject) -> CircuitDetail:
    made = ordered_circuit(subject, 4, cut=[("0.mlp.act_in:0", "0.mlp.post_act:0")])
    client.app.state.store.keep_circuit(made)  # type: ignore[attr-defined]
    return made


def sizes_of(client: TestClient, circuit: CircuitDetail) -> CircuitSizes:
    return CircuitSizes.model_validate_json(client.get(f"{circuit.url}/sizes.json").text)


def at(client: TestClient, circuit: CircuitDetail, n: int) -> MeasuredSize:
    return MeasuredSize.model_validate_json(client.get(f"{circuit.url}/sizes/{n}.json").text)


def test_ranks_are_places_in_the_order_and_edges_come_with_their_later_end(
    client: TestClient, circuit: CircuitDetail
) -> None:
    found = sizes_of(client, circuit)
    rank = {node.id: node.rank for node in found.nodes}
    assert sorted(rank, key=lambda id: rank[id]) == list(ORDER)
    assert (found.n_nodes, found.n_all, found.n_cut_edges) == (4, 8, 1)
    assert {(e.source, e.target): e.rank for e in found.edges}.items() >= {
        (("0.mlp.post_act:0", "0.mlp.resid_delta:0"), 2), (("0.mlp.post_act:1", "0.mlp.resid_delta:0"), 3),
        (("0.mlp.act_in:1", "0.mlp.post_act:1"), 4), (("0.attn.v:0", "0.attn.resid_delta:1"), 7),
    }  # fmt: skip
    assert ("0.mlp.act_in:0", "0.mlp.post_act:0") not in {(e.source, e.target) for e in found.edges}, "it is cut"
    links = {(link.source, link.target): link.rank for link in found.links}
    assert links["embed:0", "0.mlp.act_in:0"] == 0 and links["embed:0", "0.attn.act_in:0"] == 5
    assert links["0.attn.resid_delta:1", "0.mlp.act_in:1"] == 7


def test_the_graph_at_the_circuits_own_size_is_the_circuits_graph(client: TestClient, circuit: CircuitDetail) -> None:
    found = sizes_of(client, circuit)
    own = circuit.n_nodes
    assert [n.id for n in found.nodes if n.rank < own] == [n.id for n in circuit.nodes]
    ends = [(e.source, e.target, e.weight) for e in found.edges if e.rank < own]
    assert ends == [(e.source, e.target, e.weight) for e in circuit.edges]
    links = {(x.kind, x.source, x.target) for x in found.links if x.rank < own}
    assert links == {(x.kind, x.source, x.target) for x in circuit.links}


def test_a_size_is_measured_as_the_masked_model_is(
    client: TestClient, circuit: CircuitDetail, subject: Subject
) -> None:
    found = at(client, circuit, 6)
    assert found.measure.split == "heldout" and found.measure.n_pairs == N_PAIRS == 64
    assert found.n_edges == sum(edge.rank < 6 for edge in sizes_of(client, circuit).edges)
    pairs = TASKS[tiny.TASK].pairs("heldout", N_PAIRS, 0)
    batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
    nodes = [parse_node(text, subject.config) for text in ORDER]
    one = Circuit.of(subject.fingerprint, tiny.TASK, nodes[:1])
    masked = measure(subject.model, batch, keep_only(one, subject.means, subject.config))
    assert at(client, circuit, 1).measure.loss_nats.value == pytest.approx(masked.loss_nats, abs=1e-5)
    six = Circuit.of(subject.fingerprint, tiny.TASK, nodes[:6], [Edge(nodes[0], nodes[1])])
    assert found.measure.loss_nats.value == pytest.approx(measure(compiled(subject, six), batch).loss_nats, abs=1e-6)


def test_a_size_is_kept_as_a_circuit_of_its_own(client: TestClient, circuit: CircuitDetail) -> None:
    assert at(client, circuit, 6).kept_as is None
    answer = client.post(f"{circuit.url}/sizes/6")
    assert answer.status_code == 201 and answer.headers["location"] == answer.json()["url"]
    kept = CircuitDetail.model_validate_json(client.get(f"{answer.json()['url']}.json").text)
    assert {node.id for node in kept.nodes} == set(ORDER[:6])
    assert kept.cut_edges == circuit.cut_edges
    assert kept.measures.circuit.n_pairs == tiny.N_PAIRS
    derived = kept.provenance.derived
    assert derived is not None
    assert (derived.circuit, derived.n_nodes, derived.n_of) == (circuit.id, 6, 4)
    assert at(client, circuit, 6).kept_as == kept.id
    assert client.post(f"{circuit.url}/sizes/6").status_code == 200
    # It has the same order, so the slider goes on from there.
    assert sizes_of(client, kept).n_nodes == 6 and sizes_of(client, kept).nodes == sizes_of(client, circuit).nodes
    assert circuit.id in client.get(kept.url, headers={"accept": "text/html"}).text


def test_the_circuits_own_size_is_the_circuit(client: TestClient, circuit: CircuitDetail) -> None:
    answer = client.post(f"{circuit.url}/sizes/4")
    assert answer.status_code == 200 and answer.json()["id"] == circuit.id
    assert at(client, circuit, 4).kept_as == circuit.id


def test_sizes_that_are_not_there_are_refused_in_a_sentence(
    client: TestClient, circuit: CircuitDetail, circuit_id: str
) -> None:
    def refusal(path: str, method: str = "GET") -> tuple[int, str]:
        answer = client.request(method, path)
        return answer.status_code, answer.json()["error"]["message"]

    assert refusal(f"{circuit.url}/sizes/9.json") == (
        404, f"no size 9 of circuit {circuit.id}; its order has sizes 0 to 8",
    )  # fmt: skip
    assert refusal(f"/circuits/{circuit_id}/sizes.json") == (
        404, f"circuit {circuit_id} has no pruning order, so it has no other sizes",
    )  # fmt: skip
    status, message = refusal(f"{circuit.url}/sizes/0", "POST")
    assert status == 422 and "n must be at least 1" in message
