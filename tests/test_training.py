"""Training: the schedules on paper, the projection by hand, and a run that resumes as if it had never stopped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hand_model import CONFIG
from model.config import ModelConfig
from model.training.loop import Run, TrainSettings, normalise_gradients, sinusoids, train
from model.training.schedule import density_at, learning_rate_at
from model.training.sparsity import count_nonzero, keep_largest, sparse_matrices
from model.training.windows import Corpus
from model.transformer import Transformer


def test_density_falls_linearly_from_one_percent_to_half_of_the_run():
    assert density_at(0.0, 0.1) == 1.0
    assert density_at(0.01, 0.1) == 1.0
    assert density_at(0.255, 0.1) == pytest.approx(0.55)  # half-way between 0.01 and 0.5
    assert density_at(0.5, 0.1) == 0.1
    assert density_at(1.0, 0.1) == 0.1


def test_sparser_steps_take_larger_rates():
    assert learning_rate_at(0.01, 1.0, 1.0, 0.04) == pytest.approx(0.2)  # sqrt(0.04 / 1)
    assert learning_rate_at(0.505, 1.0, 0.04, 0.04) == pytest.approx(0.5)
    assert learning_rate_at(0.005, 1.0, 0.04, 0.04) == pytest.approx(0.5)
    assert learning_rate_at(1.0, 1.0, 0.04, 0.04) == 0.0


def test_the_largest_magnitudes_are_kept():
    weight = torch.tensor([[1.0, -5.0, 0.5], [4.0, 0.1, -2.0]])
    keep_largest(weight, 3)
    assert weight.tolist() == [[0.0, -5.0, 0.0], [4.0, 0.0, -2.0]]


def test_every_row_keeps_its_share_within_the_count():
    weight = torch.tensor([[9.0, 8.0, 7.0], [0.3, 0.1, 0.2]])
    keep_largest(weight, 3, min_per_row=1)
    assert weight.count_nonzero() == 3
    assert weight[1].tolist() == [pytest.approx(0.3), 0.0, 0.0]


def test_columns_keep_their_share():
    weight = torch.tensor([[9.0, 0.3], [8.0, 0.1], [7.0, 0.2]])
    keep_largest(weight, 2, min_per_row=1, rows=1)
    assert weight.tolist() == [[9.0, pytest.approx(0.3)], [0.0, 0.0], [0.0, 0.0]]


def test_gradients_end_with_a_root_mean_square_of_one():
    model = Transformer(CONFIG)
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, 0.01 * (number + 1))
    normalise_gradients(model)
    flat = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert flat.square().mean().sqrt().item() == pytest.approx(1.0, abs=1e-5)


TINY = ModelConfig(
    n_layer=1, d_model=16, d_mlp=32, n_head=2, d_head=8, vocab_size=32, block_size=16, sink=True,
    enable_bigram_table=True, add_positions=False,
)  # fmt: skip


def _corpus():
    tokens = np.tile(np.arange(32, dtype=np.uint16), 200)
    return Corpus(tokens, tokens)


def test_a_short_run_learns_to_count_and_ends_at_its_density():
    run = Run(
        TINY,
        TrainSettings(n_steps=100, density=0.3, learning_rate=0.02, batch_windows=8, eval_every=50),
        torch.device("cpu"),
    )
    points = list(train(run, _corpus(), _corpus(), _corpus()))
    assert [p.step for p in points] == [50, 100]
    assert points[-1].val_real_nats < 0.1 < np.log(32)
    nonzero, total = count_nonzero(run.model)
    assert nonzero / total == pytest.approx(0.3, abs=0.002)
    assert points[-1].n_nonzero == nonzero
    assert "bigram_table" not in sparse_matrices(run.model)


def test_a_resumed_run_is_the_unbroken_run(tmp_path):
    settings = TrainSettings(n_steps=12, density=0.2, batch_windows=4, bf16=False)
    whole = Run(TINY, settings, torch.device("cpu"))
    broken = Run(TINY, settings, torch.device("cpu"))
    for _ in range(12):
        whole.advance(_corpus())
    for _ in range(5):
        broken.advance(_corpus())
    broken.save(tmp_path / "checkpoint.pt")
    resumed = Run(TINY, settings, torch.device("cpu"))
    resumed.resume(tmp_path / "checkpoint.pt")
    for _ in range(7):
        resumed.advance(_corpus())
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_sibling_starts_from_a_checkpoint_and_anneals_from_its_density(tmp_path):
    parent = Run(TINY, TrainSettings(n_steps=10, density=0.5, batch_windows=4, bf16=False), torch.device("cpu"))
    for _ in range(10):
        parent.advance(_corpus())
    parent.save(tmp_path / "checkpoint.pt")
    settings = TrainSettings(n_steps=20, density=0.1, first_density=0.5, batch_windows=4, bf16=False)
    sibling = Run(TINY, settings, torch.device("cpu"))
    sibling.start_from(tmp_path / "checkpoint.pt")
    assert sibling.step == 0 and sibling.density() == 0.5
    for name, value in parent.model.state_dict().items():
        assert torch.equal(value, sibling.model.state_dict()[name]), name
    for _ in range(20):
        sibling.advance(_corpus())
    nonzero, total = count_nonzero(sibling.model)
    assert nonzero / total == pytest.approx(0.1, abs=0.005)


def test_concatenated_positions_are_sinusoids_that_training_leaves_alone():
    made = sinusoids(16, 8)
    distances = torch.cdist(made, made)
    assert torch.allclose(distances.diagonal(3), distances[0, 3].expand(13), atol=1e-4)  # by distance alone
    assert distances[0, 1:].min() > 0.5
    config = replace(TINY, d_pos_emb=8, sinusoidal_cat_pos_emb=True)
    run = Run(config, TrainSettings(n_steps=3, density=0.5, batch_windows=4, bf16=False), torch.device("cpu"))
    for _ in range(3):
        run.advance(_corpus())
    assert torch.equal(run.model.wpe.weight, made)
