"""Named activations and nodes: what they are called, how wide they are, in which order they happen."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from model.config import ModelConfig
from model.errors import InputError, UnknownName

#: The eight maskable sites of a layer, in the order in which they happen.
MASKABLE = (
    "attn.act_in", "attn.q", "attn.k", "attn.v", "attn.resid_delta", "mlp.act_in", "mlp.post_act", "mlp.resid_delta",
)  # fmt: skip

#: The stream before the last norm. No site of nodes, but released circuits mask channels of it besides.
FINAL = "final_resid"

#: Numbers have one way of being written: a node under another name would be cut nowhere.
NUMBER = r"0|[1-9][0-9]{0,6}"
_NODE = re.compile(rf"((?:{NUMBER})\.(?:attn|mlp)\.[a-z_]+):({NUMBER})")


class Node(NamedTuple):
    """One index of one maskable site; text form `3.mlp.post_act:117`."""

    site: str
    index: int  # type: ignore[assignment]  # of the site; hides tuple.index, which nobody asks of a node

    @property
    def layer(self) -> int:
        return int(self.site.split(".", 1)[0])

    @property
    def part(self) -> str:
        """The site without its layer: `mlp.post_act`."""
        return self.site.split(".", 1)[1]

    def __str__(self) -> str:
        return f"{self.site}:{self.index}"

    def label(self, config: ModelConfig) -> str:
        """What people read: `h4.ch1` for q, k and v, `n117` for a neuron, `c31` for a residual channel."""
        if self.part in ("attn.q", "attn.k", "attn.v"):
            return f"h{self.index // config.d_head}.ch{self.index % config.d_head}"
        return f"n{self.index}" if self.part == "mlp.post_act" else f"c{self.index}"


def maskable_sites(config: ModelConfig) -> Iterator[str]:
    """Every maskable site of a model, in forward order."""
    for layer in range(config.n_layer):
        for part in MASKABLE:
            yield f"{layer}.{part}"


def site_width(config: ModelConfig, site: str) -> int:
    """Number of nodes at a maskable site. Raises UnknownName for any other site."""
    layer, _, part = site.partition(".")
    if part not in MASKABLE or not re.fullmatch(NUMBER, layer) or int(layer) >= config.n_layer:
        raise UnknownName(f"no site {site!r}; a {config.n_layer}-layer model has: 0..{config.n_layer - 1} with "
                          f"{', '.join(MASKABLE)}")  # fmt: skip
    if part.endswith("act_in"):
        return config.d_block_in
    if part in ("attn.q", "attn.k", "attn.v"):
        return config.d_attn
    return config.d_mlp if part == "mlp.post_act" else config.d_model


def n_nodes(config: ModelConfig) -> int:
    """Number of nodes of the whole model."""
    return sum(site_width(config, site) for site in maskable_sites(config))


def site_order(site: str) -> tuple[int, int]:
    """Sort key that puts sites in forward order; `final_resid` is last."""
    if site == FINAL:
        return 2**30, 0
    layer, _, part = site.partition(".")
    return int(layer), MASKABLE.index(part)


def parse_node(text: str, config: ModelConfig) -> Node:
    """`3.mlp.post_act:117` as a Node of this model; InputError with a sentence if it is none."""
    match = _NODE.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} is not a node; a node is written like 3.mlp.post_act:117")
    node = Node(match[1], int(match[2]))
    width = site_width(config, node.site)
    if node.index >= width:
        raise InputError(f"no node {text!r}; {node.site} has the nodes 0 to {width - 1}")
    return node
