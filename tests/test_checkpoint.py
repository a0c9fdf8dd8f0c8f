"""Model folders: what is written is read back; what is broken is refused with a sentence; nothing is executed."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoint import fingerprint, load_model, patched_name, save_model
from model.errors import CheckpointError

REFERENCE = Path(__file__).parent / "data" / "reference"


@pytest.fixture
def folder(tmp_path):
    """A copy of a released-form folder, to be broken."""
    return Path(shutil.copytree(REFERENCE / "sparse_sink", tmp_path / "model"))


@pytest.mark.parametrize("name", ["sparse_nosink", "sparse_sink", "concat_positions", "dense_gpt2"])
def test_a_model_written_and_read_is_the_same_model(name, tmp_path):
    model = load_model(REFERENCE / name)
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert fingerprint(again) == fingerprint(model)
    tokens = torch.arange(10)[None]
    assert torch.equal(again(tokens), model(tokens))


def test_sparse_matrices_are_stored_sparse(tmp_path):
    model = load_model(REFERENCE / "sparse_sink")
    save_model(model, tmp_path)
    stored = load_file(tmp_path / "weights.safetensors")
    name = "transformer.h.0.mlp.c_fc.weight"
    assert len(stored[f"{name}#index"]) == int(model.blocks[0].mlp.c_fc.weight.count_nonzero())


def test_one_changed_weight_changes_the_fingerprint():
    model = load_model(REFERENCE / "sparse_sink")
    before = fingerprint(model)
    model.lm_head.weight[3, 4] += 1e-3
    assert fingerprint(model) != before


class _Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_in_it_is_refused_and_not_run(folder, tmp_path):
    torch.save({"lm_head.weight": _Touch(tmp_path / "executed")}, folder / "final_model.pt")
    with pytest.raises(CheckpointError, match="holds more than tensors"):
        load_model(folder)
    (folder / "final_model.pt").write_bytes(pickle.dumps(_Touch(tmp_path / "executed"), protocol=2))
    with pytest.raises(CheckpointError):
        load_model(folder)
    assert not (tmp_path / "executed").exists()


def _state(folder):
    return torch.load(folder / "final_model.pt", weights_only=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("lm_head.weight"), "the weights lack lm_head.weight"),
        (lambda s: s.update(extra=torch.zeros(2)), "the weights hold extra"),
        (lambda s: s.update({"lm_head.weight": torch.zeros(3, 3)}), r"lm_head.weight has shape \(3, 3\)"),
        (lambda s: s["lm_head.weight"].fill_(float("nan")), "not finite"),
        (lambda s: s.update({"lm_head.weight": torch.zeros(64, 32, dtype=torch.long)}), "not finite numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_a_sentence(folder, change, sentence):
    state = _state(folder)
    change(state)
    torch.save(state, folder / "final_model.pt")
    with pytest.raises(CheckpointError, match=sentence):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"n_layer": -1}, "n_layer is -1"),
        ({"n_layer": "two"}, "n_layer is 'two'"),
        ({"afrac_loctypes": "mlp_nose"}, "no location 'mlp_nose'"),
        ({"activation_type": "swish"}, "activation_type is 'swish'"),
        ({"rotary": True}, "option rotary = True is not known here"),
        ({"d_model": 2**19}, "has shape"),
    ],
)
def test_a_config_that_cannot_be_is_refused_with_a_sentence(folder, change, sentence):
    path = folder / "beeg_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=sentence):
        load_model(folder)


def test_files_that_are_not_what_they_say_are_refused(folder, tmp_path):
    (folder / "final_model.pt").write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(CheckpointError, match="final_model.pt"):
        load_model(folder)
    (folder / "beeg_config.json").write_text("[1, 2]")
    with pytest.raises(CheckpointError, match="holds a list, not an object"):
        load_model(folder)
    with pytest.raises(CheckpointError, match="holds neither"):
        load_model(tmp_path)


def test_sparse_entries_outside_their_shape_are_refused(tmp_path):
    save_model(load_model(REFERENCE / "sparse_sink"), tmp_path)
    path = tmp_path / "weights.safetensors"
    stored = {name: value.clone() for name, value in load_file(path).items()}
    stored["lm_head.weight#index"][0] = 10**6
    save_file(stored, path)
    with pytest.raises(CheckpointError, match="entries outside its shape"):
        load_model(tmp_path)


def test_names_of_compiled_and_parallel_training_are_patched():
    assert patched_name("module._orig_mod.lm_head.weight") == "lm_head.weight"
