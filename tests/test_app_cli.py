"""The commands do what the pages do, and refuse in sentences."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import tiny
from app import cli
from app.schemas import CircuitDetail

Run = Callable[..., Result]


@pytest.fixture
def run(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command, on a model of one's own."""
    own = tmp_path / "data" / "models" / "mine"
    shutil.copytree(tiny_bundle / "models" / tiny.MODEL, own)
    monkeypatch.setenv("SPARSESCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SPARSESCOPE_BUNDLE_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("SPARSESCOPE_N_MEASURED_PAIRS", str(tiny.N_PAIRS))
    return lambda *words: CliRunner(env={"COLUMNS": "300"}).invoke(cli.app, list(words))


def test_prune_writes_a_circuit(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "circuits"
    result = run("prune", "mine", tiny.TASK, "--out", str(out), "--n-steps", "2", "--target-loss-nats", "0.8")
    assert result.exit_code == 0, result.output
    (path,) = out.glob("*.json")
    circuit = CircuitDetail.model_validate_json(path.read_text())
    assert path.stem == circuit.id and circuit.model == "mine" and circuit.provenance.settings.n_steps == 2


def test_score_writes_the_card_and_leaves_the_rest_of_it(run: Run, tmp_path: Path) -> None:
    result = run("score", "mine", "--n-pairs", "8")
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "data" / "models" / "mine" / "card.json").read_text())
    assert card["title"] == "Tiny"
    assert card["tasks"][tiny.TASK]["n_pairs"] == 8 and card["tasks"][tiny.TASK]["split"] == "heldout"
    left_out = [line.split()[0] for line in result.output.splitlines() if " left out: " in line]
    assert left_out and not set(left_out) & set(card["tasks"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("prune", "gpt", tiny.TASK), "no model 'gpt'; there are: mine"),
        (("prune", "mine", "quotes"), "no task 'quotes'; there are: bracket_brace"),
        (("prune", "mine", tiny.TASK, "--n-steps", "0"), "n_steps is 0; it must be at least 1"),
        (("score", "gpt"), "no model 'gpt'; there are: mine"),
        (("score", "mine", "--device", "tpu"), "no device 'tpu'; there is: auto, cpu, cuda"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: Run, words: tuple[str, ...], says: str) -> None:
    result = run(*words)
    assert result.exit_code == 2 and says in result.output, result.output
