"""The library and the commands that stand beside it: load, prune, ablate, figure, as a notebook uses them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tiny
from app import api, cli
from model.errors import InputError


@pytest.fixture
def library(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of its own; what was made for another is forgotten."""
    monkeypatch.setenv("SPARSESCOPE_BUNDLE_DIR", str(tiny_bundle))
    monkeypatch.setenv("SPARSESCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SPARSESCOPE_DEVICE", "cpu")
    api._parts.cache_clear()
    yield tmp_path
    api._parts.cache_clear()


def test_a_circuit_is_loaded_drawn_cut_and_saved(library: Path, circuit_id: str) -> None:
    import sparsescope as ss

    circuit = ss.load(circuit_id)
    assert [c.id for c in ss.circuits(tiny.MODEL)] == [circuit_id] and circuit.task == tiny.TASK
    assert circuit._repr_html_().count("<svg") == 1 and circuit_id in repr(circuit)
    figure = ss.figure(circuit)
    named = {trace.name: trace for trace in figure.data}
    assert len(named["nodes"].x) == circuit.record.n_nodes
    n_edges = sum(x is None for name in ("positive weight", "negative weight") for x in named[name].x)
    assert n_edges == circuit.record.n_edges
    done = ss.ablate(circuit, circuit.nodes[0], n_pairs=8)
    assert done.change_nats == done.record.loss_change_nats.value and circuit.nodes[0] in repr(done)
    assert "&gt;" in done._repr_html_()
    whole = ss.ablate(circuit, circuit.nodes[:2], within="model", mode="zero", n_pairs=8)
    assert whole.record.request.target.kind == "model" and whole.record.request.mode == "zero"
    path = library / "mine.json"
    circuit.save(path)
    assert ss.load(path) == circuit and "def circuit(tokens)" in circuit.program()
    path.write_text("{}")
    with pytest.raises(InputError, match="mine.json is not a circuit"):
        ss.load(path)


def test_pruning_gives_a_circuit_that_can_be_cut(library: Path) -> None:
    steps = []
    circuit = api.prune(
        tiny.MODEL,
        tiny.TASK,
        n_pairs=8,
        n_steps=2,
        target_loss_nats=0.8,
        greedy=False,
        cut_edges=False,
        on_step=steps.append,
    )
    assert steps and circuit.record.provenance.settings.n_steps == 2 and circuit.model == tiny.MODEL
    assert api.load(circuit.id) == circuit
    assert not list(library.iterdir()), "without a data directory nothing is written"


def test_the_ablate_command_measures_as_the_page_does(library: Path, circuit_id: str) -> None:
    node = api.load(circuit_id).nodes[0]
    runner = CliRunner(env={"COLUMNS": "300"})
    out = library / "record.json"
    result = runner.invoke(cli.app, ["ablate", circuit_id, node, "--n-pairs", "8", "--out", str(out)])
    assert result.exit_code == 0, result.output
    record = json.loads(out.read_text())
    assert f"change {record['loss_change_nats']['value']:+.3f}" in result.output and record["request"]["nodes"] == [
        node
    ]
    for words, says in (
        (["0" * 16, node], "no circuit"),
        ([circuit_id, "9.mlp.post_act:1"], "no site '9.mlp.post_act'"),
        ([circuit_id, node, "--within", "here"], "there are: circuit, model"),
        ([circuit_id, node, "--mode", "off"], "of a kind that exists"),
    ):
        refused = runner.invoke(cli.app, ["ablate", *words])
        assert refused.exit_code == 2 and says in refused.output, refused.output


def test_the_train_command_passes_everything_on(library: Path) -> None:
    runner = CliRunner(env={"COLUMNS": "200"})
    told = runner.invoke(cli.app, ["train", "--help"])
    assert told.exit_code == 0 and "--min-per-unit" in told.output and "sparsescope train" in told.output
    missing = runner.invoke(cli.app, ["train", str(library / "out"), "--nonsense"])
    assert missing.exit_code == 2 and "--nonsense" in missing.output
