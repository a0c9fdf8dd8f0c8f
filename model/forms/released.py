"""Released circuits, `viz_data.pt`, read into ours: tensors alone, every value told from what it should have been.

Their losses are sums over a pair of prompts, so they are halved here. Prompts are right-padded with token 0, so the
last token is the last one that is not 0. The first half of the documents is class 1, the second class 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import softplus

from model.config import ModelConfig
from model.errors import InputError
from model.forms.archive import check_torch_file
from model.forms.json_values import short
from model.sites import FINAL, Node, maskable_sites, site_width

MOST_BYTES = 2_000_000_000
MOST_DOCUMENTS = 4_096
#: How near the loss of two candidates must come to the stored one to be those that it was taken over, nats.
SAME_LOSS_NATS = 5e-5


@dataclass(frozen=True)
class Released:
    """Losses are nats a prompt, halved already. `prompts`: all of class 1, then as many of class 2, unpadded.
    `final_resid`: the channels that are kept there; None where none is masked."""

    nodes: tuple[Node, ...]
    final_resid: tuple[int, ...] | None
    full_model_loss_nats: float
    circuit_loss_nats: float
    node_loss_nats: dict[Node, float]
    prompts: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]

    @property
    def n_pairs(self) -> int:
        return len(self.prompts) // 2


def read_released(path: Path, config: ModelConfig) -> Released:
    """Raises InputError with one sentence where the file is none, or is of a model of another shape."""
    check_torch_file(path, MOST_BYTES)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a stranger's file can make the parser fail in any way; nothing of it was executed
        raise InputError(
            f"the file holds more than tensors and plain values, or is broken ({type(error).__name__}); "
            "it was not opened"
        ) from None
    top = _dict(content, "the file")
    for key in ("circuit_data", "importances"):
        if key not in top:
            raise InputError(f"the file has no {key}; a released circuit has circuit_data and importances")
    importances = _dict(top["importances"], "importances")
    _check_model(importances.get("beeg_model_config"), config)
    kept = _kept(_dict(top["circuit_data"], "circuit_data"), config)
    final = kept.pop(FINAL, None)
    nodes = [Node(site, index) for site, indices in kept.items() for index in indices]
    if not nodes:
        raise InputError("circuit_data keeps no node of a maskable site")
    masked = 0 if final is None else config.d_model - len(final)
    notes = [f"{masked:,} of {config.d_model:,} channels of {FINAL} are masked too, before the last norm."]
    return Released(
        nodes=tuple(nodes),
        final_resid=None if final is None or not masked else tuple(final),
        full_model_loss_nats=_number(importances.get("loss"), "importances.loss") / 2,
        circuit_loss_nats=_number(importances.get("interv_loss"), "importances.interv_loss") / 2,
        node_loss_nats=_node_losses(importances.get("ch_interv_losses"), nodes),
        prompts=_prompts(importances.get("task_samples"), config),
        notes=tuple(notes if masked else ()),
    )


def candidates_of(
    logits: Float[Tensor, "prompt vocab"], loss_nats: float, *, at_once: int = 64
) -> tuple[int, int] | None:
    """The two tokens over which the stored loss was taken; the file does not name them, but its loss tells.

    None unless exactly one pair has that loss on these prompts: class 1's candidate comes first.
    """
    half = len(logits) // 2
    first, second = logits[:half].double(), logits[half:].double()
    found: list[tuple[int, int]] = []
    for start in range(0, logits.shape[1], at_once):
        a1, a2 = first[:, start : start + at_once], second[:, start : start + at_once]
        loss = softplus(first[:, None, :] - a1[:, :, None]).mean(0) + softplus(a2[:, :, None] - second[:, None]).mean(0)
        near = (loss / 2 - loss_nats).abs() < SAME_LOSS_NATS
        found += [(start + row, column) for row, column in near.nonzero().tolist() if start + row != column]
        if len(found) > 1:
            return None
    return found[0] if found else None


def _dict(value: object, what: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is a {type(value).__name__}; it must be a dictionary")
    return value


def _number(value: object, what: str) -> float:
    if isinstance(value, Tensor) and value.numel() == 1 and value.is_floating_point():
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < float("inf"):
        raise InputError(f"{what} is {short(value) if not isinstance(value, Tensor) else 'a tensor'}; it must be a "
                         "finite number")  # fmt: skip
    return float(value)


def _check_model(raw: object, config: ModelConfig) -> None:
    """The config that the file carries must be that of the model, as far as both say."""
    if raw is None:
        return
    for key, value in _dict(raw, "importances.beeg_model_config").items():
        here = getattr(config, key, None) if isinstance(key, str) else None
        if isinstance(here, int) and not isinstance(here, bool) and isinstance(value, int) and value != here:
            raise InputError(f"the circuit is of a model with {key} {value}; the chosen model has {here}")


def _kept(data: dict[Any, Any], config: ModelConfig) -> dict[str, list[int]]:
    """Kept indices by site, in the file's order."""
    sites = set(maskable_sites(config))
    found: dict[str, list[int]] = {}
    for site, indices in data.items():
        if site == "prune_config":
            continue
        if not isinstance(site, str) or (site not in sites and site != FINAL):
            raise InputError(f"circuit_data has {short(site)}, which is no site of a {config.n_layer}-layer model")
        if not isinstance(indices, Tensor) or indices.ndim != 1 or indices.is_floating_point() or indices.is_complex():
            raise InputError(f"circuit_data of {site} is no list of indices")
        width = config.d_model if site == FINAL else site_width(config, site)
        if indices.numel() > width:
            raise InputError(f"circuit_data keeps {indices.numel():,} nodes of {site}, which has {width:,}")
        kept = [int(index) for index in indices.tolist()]
        if any(not 0 <= index < width for index in kept) or len(set(kept)) < len(kept):
            raise InputError(f"circuit_data of {site} holds an index twice or outside 0 to {width - 1}")
        found[site] = kept
    return found


def _node_losses(raw: object, nodes: Sequence[Node]) -> dict[Node, float]:
    """Loss of the circuit less one node, a figure a kept node; a file may lack them."""
    if raw is None:
        return {}
    by_site: dict[str, list[Node]] = {}
    for node in nodes:
        by_site.setdefault(node.site, []).append(node)
    found: dict[Node, float] = {}
    for site, losses in _dict(raw, "importances.ch_interv_losses").items():
        if site not in by_site:
            continue
        values = losses.tolist() if isinstance(losses, Tensor) else losses
        if not isinstance(values, list | tuple) or len(values) != len(by_site[site]):
            raise InputError(f"ch_interv_losses of {site} does not hold one loss a kept node")
        found |= {n: _number(v, f"ch_interv_losses of {n}") / 2 for n, v in zip(by_site[site], values, strict=True)}
    return found


def _prompts(raw: object, config: ModelConfig) -> tuple[tuple[int, ...], ...]:
    if not isinstance(raw, list | tuple) or not raw:
        raise InputError("importances.task_samples is missing; without prompts nothing can be measured")
    documents: object = raw[0]
    if isinstance(documents, Tensor) and documents.ndim == 2 and not documents.is_floating_point():
        rows: Int[Tensor, "prompt pos"] | list[Tensor] = documents
    elif isinstance(documents, list | tuple) and all(isinstance(row, Tensor) and row.ndim == 1 for row in documents):
        rows = list(documents)
    else:
        raise InputError("importances.task_samples does not begin with a table of tokens, a prompt a row")
    n = len(rows)
    if n == 0 or n % 2 or n > MOST_DOCUMENTS:
        raise InputError(
            f"importances.task_samples has {n:,} prompts; it needs an even number up to {MOST_DOCUMENTS:,}"
        )
    prompts = []
    for i, row in enumerate(rows):
        if row.numel() > 4 * config.block_size:
            raise InputError(f"prompt {i} has {row.numel():,} tokens; the model reads at most {config.block_size:,}")
        tokens = [int(token) for token in row.tolist()]
        while tokens and tokens[-1] == 0:
            tokens.pop()  # padding
        if not tokens:
            raise InputError(f"prompt {i} holds nothing but padding")
        if len(tokens) > config.block_size:
            raise InputError(f"prompt {i} has {len(tokens):,} tokens; the model reads at most {config.block_size:,}")
        if any(not 0 <= token < config.vocab_size for token in tokens):
            raise InputError(f"prompt {i} holds a token outside 0 to {config.vocab_size - 1}")
        prompts.append(tuple(tokens))
    return tuple(prompts)
