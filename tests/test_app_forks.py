"""Forks are circuits of their own, measured, with their lineage; embeds may be framed; previews show this circuit."""

import struct
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.schemas import CircuitDetail
from app.schemas.sharing import Lineage

HTML = {"accept": "text/html"}


def fork(client: TestClient, circuit: str, **changes: Any) -> CircuitDetail:
    response = client.post(f"/circuits/{circuit}/forks", json=changes)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == response.json()["url"]
    return CircuitDetail.model_validate_json(client.get(f"{response.json()['url']}.json").text)


def test_a_fork_is_measured_and_names_the_line_it_came_from(client: TestClient, circuit_id: str) -> None:
    parent = CircuitDetail.model_validate_json(client.get(f"/circuits/{circuit_id}.json").text)
    first, second = parent.nodes[0].id, parent.nodes[-1].id
    kept = {node.id for node in parent.nodes}
    outside = "0.mlp.post_act:1"
    assert outside not in kept
    child = fork(client, circuit_id, drop=[first, second], add=[outside])
    assert {node.id for node in child.nodes} == kept - {first, second} | {outside}
    assert child.id != parent.id and child.measures.full_model == parent.measures.full_model
    assert child.measures.circuit != parent.measures.circuit, "measured anew"
    back = client.post(f"/circuits/{child.id}/forks", json={"drop": [outside], "add": [first, second]})
    assert back.status_code == 200 and back.json()["id"] == circuit_id, "the circuit that was there before"
    grandchild = fork(client, child.id, drop=[outside])

    line = Lineage.model_validate(client.get(f"/circuits/{grandchild.id}/lineage.json").json())
    assert [(a.circuit, a.dropped, a.added) for a in line.ancestors] == [
        (child.id, [outside], []),
        (circuit_id, [first, second], [outside]),
    ]
    assert line.ancestors[0].summary and line.ancestors[0].summary.loss_nats == child.loss_nats and line.forks == []
    page = client.get(grandchild.url, headers=HTML).text
    assert 'data-testid="lineage"' in page and page.count("Forked from") == 2
    assert f'href="/circuits/{child.id}"' in page and f'href="/circuits/{circuit_id}"' in page

    assert [f["id"] for f in client.get(f"/circuits/{circuit_id}/lineage.json").json()["forks"]] == [child.id]
    stranger = TestClient(client.app)
    assert stranger.get(f"/circuits/{circuit_id}/lineage.json").json()["forks"] == [], "unlisted"
    assert client.put(f"{child.url}/publication", json={}).json()["published"]
    assert [f["id"] for f in stranger.get(f"/circuits/{circuit_id}/lineage.json").json()["forks"]] == [child.id]
    assert child.id in stranger.get("/circuits.json").text and grandchild.id not in stranger.get("/circuits.json").text


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({}, 422, "drop and add are both empty"),
        ({"drop": ["0.mlp.post_act:1"]}, 404, "drop names 0.mlp.post_act:1, which circuit"),
        ({"add": ["0.mlp.post_act:0"]}, 422, "add names 0.mlp.post_act:0, which circuit"),
        ({"add": ["0.mlp.post_act:999"]}, 422, "0.mlp.post_act has the nodes 0 to 23"),
        ({"add": ["nonsense"]}, 422, "must be a node, like 3.mlp.post_act:117"),
        ({"remove": []}, 422, "remove is not a field"),
    ],
)
def test_what_cannot_be_forked_is_refused(
    shared_client: TestClient, circuit_id: str, changes: dict[str, Any], status: int, says: str
) -> None:
    refused = shared_client.post(f"/circuits/{circuit_id}/forks", json=changes)
    assert refused.status_code == status and says in refused.json()["error"]["message"], refused.text
    everything = [n["id"] for n in shared_client.get(f"/circuits/{circuit_id}.json").json()["nodes"]]
    empty = shared_client.post(f"/circuits/{circuit_id}/forks", json={"drop": everything})
    assert empty.status_code == 422 and "a fork keeps at least one" in empty.json()["error"]["message"]


def test_only_the_embed_may_be_framed(shared_client: TestClient, circuit_id: str) -> None:
    embed = shared_client.get(f"/embed/circuits/{circuit_id}?min_weight=0.1&theme=dark", headers=HTML)
    assert embed.status_code == 200 and 'data-theme="dark"' in embed.text and "site-header" not in embed.text
    policy = embed.headers["content-security-policy"]
    assert "frame-ancestors *" in policy and "default-src 'self'" in policy and "frame-ancestors 'none'" not in policy
    others = ("/", f"/circuits/{circuit_id}", "/gallery", "/embed", f"/circuits/{circuit_id}/embed/x", "/embedded/x")
    for path in others:
        assert "frame-ancestors 'none'" in shared_client.get(path, headers=HTML).headers["content-security-policy"]
    assert shared_client.get(f"/embed/circuits/{'f' * 16}").status_code == 404
    assert shared_client.get(f"/embed/circuits/{circuit_id}?theme=pink").status_code == 422


def test_a_link_preview_shows_this_circuit(client: TestClient, circuit_id: str) -> None:
    page = client.get(f"/circuits/{circuit_id}?min_weight=0.1", headers=HTML).text
    picture = f"http://testserver/circuits/{circuit_id}/preview.png"
    assert f'<meta property="og:image" content="{picture}">' in page
    assert '<meta name="twitter:card" content="summary_large_image">' in page
    assert f'<meta property="og:url" content="http://testserver/circuits/{circuit_id}?min_weight=0.1">' in page
    drawn = client.get(picture)
    assert drawn.headers["content-type"] == "image/png" and drawn.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", drawn.content[16:24]) == (1200, 630)
    other = fork(client, circuit_id, drop=[client.get(f"/circuits/{circuit_id}.json").json()["nodes"][0]["id"]])
    assert client.get(f"/circuits/{other.id}/preview.png").content != drawn.content
    assert client.get(f"/circuits/{'f' * 16}/preview.png").status_code == 404
