"""Neuronpedia's sparsity pane on our models: its names and shapes, and weights that are the model's."""

from pathlib import Path

from fastapi.testclient import TestClient

import tiny
from app.main import create_app
from app.schemas.sparsity import ChannelConnections, NeuronConnections
from conftest import tiny_settings

URL = f"/sparsity/{tiny.MODEL}"


def test_sizes_come_first(shared_client: TestClient) -> None:
    answer = shared_client.get(f"{URL}/")
    assert answer.json() == {
        "status": "ok", "model": "tiny", "num_layers": 2, "mlp_size": tiny.CONFIG.d_mlp, "d_model": tiny.CONFIG.d_model
    }  # fmt: skip
    assert "access-control-allow-origin" not in answer.headers
    assert shared_client.get("/sparsity/gpt/").status_code == 404


def test_a_trace_goes_through_channels_to_the_strongest_neurons(shared_client: TestClient) -> None:
    model = shared_client.app.state.library.subject(tiny.MODEL).model  # type: ignore[attr-defined]
    raw = shared_client.get(f"{URL}/neuron/0/3?trace_depth=2&trace_k=2").json()
    assert set(raw) == {"layer", "neuron", "trace_forward", "trace_backward"}
    found = NeuronConnections.model_validate(raw)
    assert found.trace_backward == [] and 0 < len(found.trace_forward) <= 4
    written, read = model.blocks[0].mlp.c_proj.weight[:, 3], model.blocks[1].mlp.c_fc.weight
    channels = set(written.abs().topk(2).indices.tolist())
    for hop in found.trace_forward:
        assert hop.layer == 1 and hop.via_channel in channels and hop.children is None and hop.parents is None
        assert hop.write_weight == float(written[hop.via_channel])
        assert hop.read_weight == float(read[hop.neuron, hop.via_channel])
        assert hop.neuron in read[:, hop.via_channel].abs().topk(2).indices.tolist()
    strengths = [abs(hop.read_weight * hop.write_weight) for hop in found.trace_forward]
    assert strengths == sorted(strengths, reverse=True)
    back = NeuronConnections.model_validate(shared_client.get(f"{URL}/neuron/1/0").json())
    assert back.trace_forward == [] and len(back.trace_backward) == 6
    assert all(hop.layer == 0 and hop.read_weight == float(read[0, hop.via_channel]) for hop in back.trace_backward)


def test_a_channel_has_readers_and_writers_by_layer(shared_client: TestClient) -> None:
    raw = shared_client.get(f"{URL}/channel/5?top_k=3").json()
    assert set(raw) == {"channel_id", "readers_by_layer", "writers_by_layer"} and set(raw["readers_by_layer"]) == {
        "0",
        "1",
    }
    found = ChannelConnections.model_validate(raw)
    model = shared_client.app.state.library.subject(tiny.MODEL).model  # type: ignore[attr-defined]
    weights = model.blocks[1].mlp.c_proj.weight[5]
    assert [n.neuron_id for n in found.writers_by_layer[1]] == weights.abs().topk(3).indices.tolist()
    assert [n.weight for n in found.writers_by_layer[1]] == [
        float(weights[n.neuron_id]) for n in found.writers_by_layer[1]
    ]


def test_what_is_not_there_is_a_sentence(shared_client: TestClient) -> None:
    for path, says in (
        ("neuron/2/0", "layer is 2; this model has 0 to 1"),
        ("neuron/0/24", "neuron is 24; this model has 0 to 23"),
        ("channel/-1", "channel is -1; this model has 0 to 15"),
    ):
        answer = shared_client.get(f"{URL}/{path}")
        assert answer.status_code == 400 and answer.json()["error"]["message"] == says
    assert shared_client.get(f"{URL}/neuron/0/0?trace_k=0").status_code == 422


def test_a_site_may_be_let_in(tiny_bundle: Path, tmp_path: Path) -> None:
    settings = tiny_settings(tiny_bundle, tmp_path / "data").model_copy(
        update={"sparsity_origin": "https://pane.example"}
    )
    with TestClient(create_app(settings)) as client:
        answer = client.get(f"{URL}/channel/0")
        assert answer.headers["access-control-allow-origin"] == "https://pane.example"
        assert "access-control-allow-origin" not in client.get("/models.json").headers
