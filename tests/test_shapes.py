"""Shapes that annotations state are checked while tests run."""

import pytest
import torch
from jaxtyping import TypeCheckError

import shapes
from model.intervals import intervals


def test_a_wrong_shape_is_told_at_the_call() -> None:
    assert len(intervals(torch.zeros(2, 3))) == 2
    with pytest.raises(TypeCheckError, match="intervals"):
        intervals(torch.zeros(3))


def test_all_modules_that_state_shapes_are_checked() -> None:
    assert {"model.transformer", "model.compiled.circuit", "model.sparse.transformer"} <= set(shapes.modules())
    assert "model.corpus.program" not in shapes.modules()
