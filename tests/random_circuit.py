"""Circuits of any size, drawn at random from a seed, in a bundle of their own: what drawing is timed and tested on.

The nodes and edges are where a real circuit could have them; weights and effects are long-tailed, as real ones are.
"""

import json
import random
from pathlib import Path

from app.schemas import CircuitDetail
from app.settings import ROOT

MODEL = "python-3x128"
CONFIG = json.loads((ROOT / "bundle" / "models" / MODEL / "config.json").read_text())
N_LAYER, D_MODEL, D_MLP, D_HEAD = (CONFIG[name] for name in ("n_layer", "d_model", "d_mlp", "d_head"))
WIDTHS = {
    "attn.act_in": D_MODEL, "attn.q": D_MODEL, "attn.k": D_MODEL, "attn.v": D_MODEL, "attn.resid_delta": D_MODEL,
    "mlp.act_in": D_MODEL, "mlp.post_act": D_MLP, "mlp.resid_delta": D_MODEL,
}  # fmt: skip
PAIRS = [
    ("attn.act_in", "attn.q"), ("attn.act_in", "attn.k"), ("attn.act_in", "attn.v"), ("attn.v", "attn.resid_delta"),
    ("mlp.act_in", "mlp.post_act"), ("mlp.post_act", "mlp.resid_delta"),
]  # fmt: skip
#: Nodes that a circuit of so many edges has.
N_NODES = {50: 48, 500: 320, 5000: 1500}


def random_circuit(n_edges: int, seed: int = 0, n_nodes: int | None = None) -> CircuitDetail:
    """A circuit of exactly `n_edges` edges on the best bundled model; its figures are those of a bundled circuit."""
    draw = random.Random(seed)
    n_nodes = n_nodes or N_NODES.get(n_edges, max(24, n_edges // 2))
    sites = [(layer, site) for layer in range(N_LAYER) for site in WIDTHS]
    # A residual channel is used again and again: reads and writes fall on a third of the channels.
    channels = draw.sample(range(D_MODEL), max(4, min(D_MODEL, n_nodes // 6)))
    kept: dict[tuple[int, str], list[int]] = {}
    for place, (layer, site) in enumerate(sites):
        n = n_nodes // len(sites) + (place < n_nodes % len(sites))
        pool = channels if site.endswith(("act_in", "resid_delta")) else range(WIDTHS[site])
        kept[layer, site] = sorted(draw.sample(pool, min(n, len(pool))))
    nodes = [node_of(layer, site, i, draw) for (layer, site), indices in kept.items() for i in indices]
    possible = [
        (f"{layer}.{one}:{a}", f"{layer}.{other}:{b}")
        for layer in range(N_LAYER) for one, other in PAIRS
        for a in kept[layer, one] for b in kept[layer, other]
    ]  # fmt: skip
    edges = [
        {"source": source, "target": target, "weight": draw.choice((-1, 1)) * draw.lognormvariate(-1.5, 0.8)}
        for source, target in sorted(draw.sample(possible, n_edges))
    ]
    links, embeds = links_of(kept, draw)
    base = base_circuit()
    logits = [t for t in base.model_dump()["terminals"] if t["kind"] == "logit"]
    for token in logits:
        for site in ("attn.resid_delta", "mlp.resid_delta"):
            for layer in range(N_LAYER):
                links += [
                    link("unembed", f"{layer}.{site}:{c}", token["id"], draw.gauss(0, 1)) for c in kept[layer, site]
                ]
    return CircuitDetail.model_validate(
        base.model_dump()
        | {
            "id": f"{n_edges:08x}{seed:08x}", "url": f"/circuits/{n_edges:08x}{seed:08x}",
            "n_nodes": len(nodes), "n_edges": n_edges,
            "nodes": nodes, "edges": edges, "links": links, "terminals": embeds + logits,
        }
    )  # fmt: skip


def base_circuit() -> CircuitDetail:
    circuits = (json.loads(path.read_text()) for path in sorted((ROOT / "bundle" / "circuits").glob("*.json")))
    return CircuitDetail.model_validate(next(circuit for circuit in circuits if circuit["model"] == MODEL))


def node_of(layer: int, site: str, index: int, draw: random.Random) -> dict[str, object]:
    inside = site in ("attn.q", "attn.k", "attn.v")
    head, channel = divmod(index, D_HEAD) if inside else (None, None)
    return {
        "id": f"{layer}.{site}:{index}", "site": f"{layer}.{site}", "layer": layer, "index": index,
        "head": head, "channel": channel, "label": f"h{head}.ch{channel}" if inside else f"c{index}",
        "effect_nats": draw.choice((-1, 1, 1, 1)) * draw.lognormvariate(-4, 1.2), "mean": draw.gauss(0, 0.3),
    }  # fmt: skip


def links_of(
    kept: dict[tuple[int, str], list[int]], draw: random.Random
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Each writer to every later reader of its channel, q to k; and the embedding channels that are read."""
    links: list[dict[str, object]] = []
    writers: dict[int, list[str]] = {}
    embeds: list[int] = []
    for (layer, site), indices in kept.items():
        for c in indices:
            if site.endswith("act_in"):
                if c not in writers:
                    embeds.append(c)
                    writers[c] = [f"embed:{c}"]
                links += [link("residual", writer, f"{layer}.{site}:{c}") for writer in writers[c]]
            if site.endswith("resid_delta"):
                writers.setdefault(c, []).append(f"{layer}.{site}:{c}")
            if site == "attn.q" and c in kept[layer, "attn.k"]:
                links.append(link("qk", f"{layer}.attn.q:{c}", f"{layer}.attn.k:{c}"))
    ends = [
        {
            "id": f"embed:{c}", "kind": "embed", "index": c, "label": f"c{c}",
            "tokens": [{"token": f"t{c}", "weight": draw.gauss(0, 1)}],
        }
        for c in sorted(embeds)
    ]  # fmt: skip
    return links, ends


def link(kind: str, source: str, target: str, weight: float = 1.0) -> dict[str, object]:
    return {"kind": kind, "source": source, "target": target, "weight": weight}


def write_bundle(folder: Path, circuits: list[CircuitDetail]) -> None:
    """The app's own models, with these circuits instead of its own."""
    (folder / "circuits").mkdir(parents=True)
    (folder / "models").symlink_to(ROOT / "bundle" / "models", target_is_directory=True)
    for circuit in circuits:
        (folder / "circuits" / f"{circuit.id}.json").write_text(circuit.model_dump_json())
