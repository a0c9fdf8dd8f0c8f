"""The steps of one block: weights between kept nodes as terms, everything cut as constants."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from model.circuit import Keep
from model.config import ModelConfig
from model.nonzeros import dense_of
from model.program.steps import (
    Contest,
    Linear,
    Move,
    Numbers,
    Pattern,
    Product,
    Rivals,
    RowSum,
    Share,
    Step,
    Term,
    Write,
)
from model.sites import Node
from model.transformer import Block

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Wired:
    """What a block's steps are made from: masks, cut edges, means, and the names of what it reads, by index."""

    keep: Keep
    cut: set[tuple[Node, Node]]
    means: dict[str, Numbers]
    read: dict[int, str]

    def kept(self, site: str) -> list[int]:
        return [int(i) for i in self.keep[site].nonzero().flatten()]

    def row(
        self, weights: Numbers, bias: float, sources: dict[int, str], source: str, node: Node
    ) -> tuple[tuple[Term, ...], float]:
        """The terms of a target that reads `sources`, and the constant that all else adds to it."""
        open_ = {i for i in sources if weights[i] and (Node(source, i), node) not in self.cut}
        closed = np.ones(len(weights))
        closed[list(open_)] = 0.0
        terms = tuple(Term(float(weights[i]), sources[i]) for i in sorted(open_))
        return terms, float(bias + (weights * closed) @ self.means[source])


def _matrix(linear: nn.Linear) -> tuple[Numbers, Numbers]:
    rows, bias = dense_of(linear).detach().cpu().double().numpy(), linear.bias
    return rows, np.zeros(len(rows)) if bias is None else bias.detach().cpu().double().numpy()


def _rivals(
    name: str,
    weights: Numbers,
    bias: Numbers,
    ours: Sequence[int],
    sources: dict[int, str],
    mean: Numbers,
    activation: Literal["relu", "gelu"] | None = None,
) -> Rivals:
    """The rows that are not ours; cut edges end at kept nodes alone, so these see every source as it is."""
    rows = np.setdiff1d(np.arange(len(weights)), ours)
    columns = list(sources)
    settled = mean.copy()
    settled[columns] = 0.0
    return Rivals(
        name, tuple(sources.values()), weights[rows][:, columns], bias[rows] + weights[rows] @ settled, activation
    )


def attention_steps(block: Block, config: ModelConfig, wired: Wired, layer: int) -> Iterator[Step]:
    """Queries, keys, values; a pattern or an average for each head that moves anything; what is added."""
    site, d_head = f"{layer}.attn", config.d_head
    attention = block.attn
    c_attn, c_bias = _matrix(attention.c_attn)
    out, out_bias = _matrix(attention.c_proj)
    sinks = None if attention.attn_imp is None else attention.attn_imp.sink_logit.detach().cpu().double().numpy()
    deltas = wired.kept(f"{site}.resid_delta")
    kept_by = config.kept_by_abs_topk("attn_out", config.d_model)
    rows = deltas if kept_by is None else list(range(config.d_model))

    head_of: Indices = np.arange(config.d_attn) // d_head
    v_used = [i for i in wired.kept(f"{site}.v") if out[rows, i].any()]
    mean_v = wired.means[f"{site}.v"]
    scaled: set[int] = set()
    if sinks is not None:
        scaled = {h for h in range(config.n_head) if (out[rows] * mean_v)[:, head_of == h].any()}
    moving = scaled | {i // d_head for i in v_used}
    k_used = [i for i in wired.kept(f"{site}.k") if i // d_head in moving]
    keyed = {i // d_head for i in k_used}
    q_used = [i for i in wired.kept(f"{site}.q") if i // d_head in (moving if sinks is not None else keyed)]

    names: dict[str, dict[int, str]] = {}
    for number, (letter, used) in enumerate(zip("qkv", (q_used, k_used, v_used), strict=True)):
        part = slice(number * config.d_attn, (number + 1) * config.d_attn)
        weights, bias = c_attn[part], c_bias[part]
        names[letter] = {i: f"{letter}{layer}_{i // d_head}_{i % d_head}" for i in used}
        for i in used:
            node = Node(f"{site}.{letter}", i)
            terms, constant = wired.row(weights[i], bias[i], wired.read, f"{site}.act_in", node)
            yield Linear(names[letter][i], node, terms, constant)
        kept = config.kept_by_abs_topk(f"attn_{letter}", config.d_attn)
        if kept is not None and used:
            rivals = _rivals(f"{letter}{layer}", weights, bias, used, wired.read, wired.means[f"{site}.act_in"])
            yield Contest(f"{site}.{letter}", tuple(names[letter].values()), kept, rivals)

    row_sums: dict[int, str] = {}
    for head in sorted(moving):
        sink = None if sinks is None else float(sinks[head])
        products, constant = _score(wired, layer, head, d_head, names["q"], names["k"])
        pattern = share = None
        if head in keyed:
            pattern = f"p{layer}_{head}"
            if sink is None:
                products, constant = tuple(p for p in products if p.key), 0.0
            yield Pattern(pattern, layer, head, products, constant, sink)
        elif sink is not None:
            share = f"s{layer}_{head}"
            yield Share(share, layer, head, products, constant, sink)
        for i in v_used:
            if i // d_head == head:
                value = names["v"][i]
                yield Move(f"y{value[1:]}", Node(f"{site}.v", i), value, pattern, share)
        if head in scaled:
            row_sums[head] = share or f"s{layer}_{head}"
            if pattern is not None:
                yield RowSum(row_sums[head], pattern)

    moved = {i: f"y{names['v'][i][1:]}" for i in v_used}
    yield from _deltas(
        _Out(out, out_bias, deltas, kept_by, f"{site}.resid_delta", f"d{layer}"), wired, f"{site}.v", moved,
        row_sums, head_of,
    )  # fmt: skip


def _score(
    wired: Wired, layer: int, head: int, d_head: int, queries: dict[int, str], keys: dict[int, str]
) -> tuple[tuple[Product, ...], float]:
    """The score as products of queries and keys; what is cut of them is a factor, the scale is in the weights."""
    scale, constant = 1 / math.sqrt(d_head), 0.0
    products: list[Product] = []
    for i in range(head * d_head, (head + 1) * d_head):
        q, k = queries.get(i), keys.get(i)
        weight = scale
        if q is None:
            weight *= float(wired.means[f"{layer}.attn.q"][i])
        if k is None:
            weight *= float(wired.means[f"{layer}.attn.k"][i])
        if q is None and k is None:
            constant += weight
        elif weight:
            products.append(Product(weight, q, k))
    return tuple(products), constant


@dataclass(frozen=True)
class _Out:
    """The rows of a block's last matrix, of which `deltas` are kept."""

    weights: Numbers
    bias: Numbers
    deltas: list[int]
    kept_by: int | None
    site: str
    prefix: str


def _deltas(
    out: _Out,
    wired: Wired,
    source: str,
    moved: dict[int, str],
    row_sums: dict[int, str] | None = None,
    head_of: Indices | None = None,
) -> Iterator[Step]:
    """What a block adds to the stream. With row sums a head's mean values are scaled by its row sum, not constant."""
    mean = wired.means[source]
    names = {i: f"{out.prefix}_{i}" for i in out.deltas}
    numbers = {name: i for i, name in moved.items()}
    for i in out.deltas:
        node = Node(out.site, i)
        terms, constant = wired.row(out.weights[i], out.bias[i], moved, source, node)
        seen = [numbers[term.name] for term in terms]
        for head, name in (row_sums or {}).items():
            assert head_of is not None
            closed = head_of == head
            closed[seen] = False
            weight = float((out.weights[i] * closed) @ mean)
            if weight:
                terms, constant = (*terms, Term(weight, name)), constant - weight
        if row_sums is not None and abs(constant) < 1e-9:  # what is left of a difference
            constant = 0.0
        yield Linear(names[i], node, terms, constant)
    if out.kept_by is not None:
        yield Contest(out.site, tuple(names.values()), out.kept_by, _out_rivals(out, moved, mean, row_sums, head_of))
    for i, name in names.items():
        yield Write(i, name)


def _out_rivals(
    out: _Out, moved: dict[int, str], mean: Numbers, row_sums: dict[int, str] | None, head_of: Indices | None
) -> Rivals:
    rivals = _rivals(out.prefix, out.weights, out.bias, out.deltas, moved, mean)
    if not row_sums:
        return rivals
    rows = np.setdiff1d(np.arange(len(out.weights)), out.deltas)
    settled = mean.copy()
    settled[list(moved)] = 0.0
    of_heads = np.stack([(out.weights[rows] * (head_of == head)) @ settled for head in row_sums], axis=1)
    return Rivals(
        rivals.name, (*rivals.inputs, *row_sums.values()), np.concatenate([rivals.matrix, of_heads], axis=1),
        rivals.constant - of_heads.sum(axis=1),
    )  # fmt: skip


def mlp_steps(block: Block, config: ModelConfig, wired: Wired, layer: int) -> Iterator[Step]:
    """Neurons, and what they add."""
    site, mlp = f"{layer}.mlp", block.mlp
    weights, bias = _matrix(mlp.c_fc)
    activation = config.activation_type
    neurons = {i: f"n{layer}_{i}" for i in wired.kept(f"{site}.post_act")}
    for i, name in neurons.items():
        node = Node(f"{site}.post_act", i)
        terms, constant = wired.row(weights[i], bias[i], wired.read, f"{site}.act_in", node)
        yield Linear(name, node, terms, constant, activation)
    kept = config.kept_by_abs_topk("mlp_neuron", config.d_mlp)
    if kept is not None and neurons:
        mean = wired.means[f"{site}.act_in"]
        rivals = _rivals(f"n{layer}", weights, bias, list(neurons), wired.read, mean, activation)
        yield Contest(f"{site}.post_act", tuple(neurons.values()), kept, rivals)
    out, out_bias = _matrix(mlp.c_proj)
    kept_by = config.kept_by_abs_topk("mlp_out", config.d_model)
    deltas = wired.kept(f"{site}.resid_delta")
    yield from _deltas(
        _Out(out, out_bias, deltas, kept_by, f"{site}.resid_delta", f"e{layer}"), wired, f"{site}.post_act", neurons
    )
