"""A circuit as an attribution graph, the JSON that the viewers of Neuronpedia and circuit-tracer open.

Their edges are linear effects on one prompt, ours are weights: `metadata.info` says so, and what was left out. A row
of theirs is one of our sites: row 8 l + k, k from 1, is the k-th maskable site of layer l, so that every link leads
upwards and a row above 0 is never empty. Nodes stand for every position; all are put at the prompt's last token.
"""

from typing import Any

from model.forms.told import Candidate, Told, plural
from model.sites import MASKABLE, Node

TYPE_OF_END = {"embed": "embedding", "logit": "logit"}


def attribution_graph(told: Told) -> dict[str, Any]:
    last = max(0, len(told.prompt_tokens) - 1)
    nodes = [_embedding(channel, last) for channel in told.embed_channels]
    nodes += [_node(each.node, each.label, each.effect_nats, last) for each in told.nodes]
    nodes += [_logit(candidate, told, last) for candidate in told.candidates]
    ids = {f"embed:{channel}": f"E_{channel}_{last}" for channel in told.embed_channels}
    ids |= {str(each.node): _node_id(each.node, last) for each in told.nodes}
    ids |= {f"logit:{each.token}": f"{_logit_row(told)}_{each.token}_{last}" for each in told.candidates}
    ends = [(str(edge.source), str(edge.target), edge.weight) for edge in told.edges]
    ends += [(link.source, link.target, link.weight) for link in told.links]
    links = [
        {"source": ids[source], "target": ids[target], "weight": weight}
        for source, target, weight in ends
        if source in ids and target in ids
    ]
    return {
        "metadata": _metadata(told, len(ends) - len(links)),
        "qParams": {"pinnedIds": [], "supernodes": [], "linkType": "both", "clickedId": "", "sg_pos": ""},
        "nodes": nodes,
        "links": links,
    }


def _row(node: Node) -> int:
    return len(MASKABLE) * node.layer + MASKABLE.index(node.part) + 1


def _logit_row(told: Told) -> int:
    return len(MASKABLE) * told.config.n_layer + 1


def _node_id(node: Node, position: int) -> str:
    return f"{_row(node)}_{node.index}_{position}"


def _node(node: Node, label: str, effect_nats: float, position: int) -> dict[str, Any]:
    return {
        "node_id": _node_id(node, position),
        "feature": node.index,
        "layer": str(_row(node)),
        "ctx_idx": position,
        "feature_type": node.part,
        "jsNodeId": f"{_row(node)}_{node.index}-0",
        "clerp": f"{node} ({label}), costs {effect_nats:.3f} nats when cut",
        "token_prob": 0.0,
        "is_target_logit": False,
        "influence": None,
        "activation": None,
    }


def _embedding(channel: int, position: int) -> dict[str, Any]:
    return {
        "node_id": f"E_{channel}_{position}",
        "feature": channel,
        "layer": "E",
        "ctx_idx": position,
        "feature_type": "embedding",
        "jsNodeId": f"E_{channel}-{position}",
        "clerp": f"channel {channel} of the token embedding",
        "token_prob": 0.0,
        "is_target_logit": False,
        "influence": None,
        "activation": None,
    }


def _logit(candidate: Candidate, told: Told, position: int) -> dict[str, Any]:
    row = _logit_row(told)
    text = candidate.text.replace("(p=", "(p =")  # the viewers look for the first "(p=" and read what follows
    return {
        "node_id": f"{row}_{candidate.token}_{position}",
        "feature": candidate.token,
        "layer": str(row),
        "ctx_idx": position,
        "feature_type": "logit",
        "jsNodeId": f"L_{candidate.token}-{position}",
        "clerp": f'Output "{text}" (p={candidate.probability:.3f})',
        "token_prob": candidate.probability,
        "is_target_logit": candidate is told.candidates[0],
        "influence": None,
        "activation": None,
    }


def dropped(told: Told, n_dangling: int = 0) -> list[str]:
    """What this form has no place for, a sentence each."""
    lost = [
        "Nodes have no position of their own: a circuit is the same at every token, so all stand at the last one.",
        f"The mean activations at which all other nodes are held, and the biases of the {len(told.nodes):,} kept ones.",
    ]
    if told.cut_edges:
        lost.append(f"{plural(len(told.cut_edges), 'weight')} between kept nodes that the circuit cuts.")
    if told.calibration:
        lost.append("The scale and shift of the logits that the circuit's loss is measured with.")
    if told.n_masked:
        lost.append(f"That {plural(told.n_masked, 'channel')} of final_resid stand at their mean before the last norm.")
    if told.config.enable_bigram_table:
        lost.append("The bigram table, which adds a row of logits for the last token.")
    if n_dangling:
        lost.append(f"{plural(n_dangling, 'link')} to nodes that the circuit does not keep.")
    return lost


def _metadata(told: Told, n_dangling: int) -> dict[str, Any]:
    lost = dropped(told, n_dangling)
    n_links = {kind: sum(link.kind == kind for link in told.links) for kind in ("residual", "qk", "unembed")}
    description = (
        f"{told.sentence} Its edges are weights of the model between kept nodes, the same on every prompt; they are "
        f"not the linear effects on one prompt that attribution graphs usually hold. {len(told.edges):,} links are "
        f"such weights; {n_links['unembed']:,} to a logit are unembedding weights; {n_links['residual']:,} along a "
        f"residual channel and {n_links['qk']:,} between a query and its key are no weights and have weight 1. Row "
        f"8 l + k is the k-th of the eight sites of layer l: {', '.join(MASKABLE)}. Left out: {' '.join(lost)}"
    )
    return {
        "slug": f"sparsescope-{told.id}",
        "scan": told.model,
        "transcoder_list": [],
        "prompt_tokens": list(told.prompt_tokens),
        "prompt": told.prompt,
        "schema_version": 1,
        "info": {
            "description": description,
            "dropped": lost,
            "generator": {"name": "Sparsescope", "version": told.version},
            "create_time_ms": told.created_ms,
        },
    }
