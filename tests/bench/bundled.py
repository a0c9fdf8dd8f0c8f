"""Benchmarks 4 and 5 on the app's own bundle: seconds to a circuit, and a cut over HTTP."""

import random
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import httpx
import torch

from app.schemas import CircuitDetail, CircuitSummary
from app.settings import ROOT
from bench.clock import Row, human, percentile
from conftest import serving
from model.circuit import count_kept
from model.compiled import compile_circuit, quick_circuit
from model.graph import connected, count_edges
from model.mask import Mask
from model.measure import logit_difference, measure
from model.prune import prune, smallest_prefix, split_pairs
from model.prune_settings import PruneSettings
from model.subject import Subject, load_subject
from model.tasks import TASKS

N_TASKS, N_CUTS, N_PLAIN_PAIRS = 3, 60, 256
TARGET = 0.15


def plain_prune(subject: Subject, task: str, budget_s: float) -> tuple[int, int, float, int]:
    """Paper A.5 as it stands, on the dense model, for so long: nodes, edges, loss on fresh pairs, steps taken.

    All nodes in every step, 64 pairs a step, the centres of the paper's search; then bisection, no greedy pass.
    """
    settings = PruneSettings(k_coef=1e-4, lr=3e-3, init_noise_bias=0.1, init_noise_scale=0.01, pairs_per_step=64)
    train, fresh = split_pairs(subject, TASKS[task], settings)
    mask = Mask(subject.config, bias=settings.init_noise_bias, scale=settings.init_noise_scale, seed=0)
    optimizer = torch.optim.AdamW([mask.tau], lr=settings.lr, betas=(0.9, 0.95), weight_decay=settings.weight_decay)
    draw, started, done, steps = torch.Generator().manual_seed(0), time.monotonic(), 0.0, 0
    while done < 1:
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * (1 - done)
        gates = mask.gates(settings.heaviside_temp)
        batch = train.select(torch.randint(train.n_pairs, (settings.pairs_per_step,), generator=draw))
        difference = logit_difference(subject.model, batch, mask.tap(gates, subject.means))
        loss = torch.nn.functional.softplus(-difference).mean() + settings.k_coef * gates.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([mask.tau], 1.0)
        optimizer.step()
        mask.clamp()
        steps += 1
        done = min(1.0, (time.monotonic() - started) / budget_s)

    def fresh_loss(keep: dict[str, torch.Tensor]) -> float:
        return measure(quick_circuit(subject.model, subject.means, keep), fresh).loss_nats

    fresh = fresh.select(torch.arange(N_PLAIN_PAIRS))  # its size takes a dozen passes of the whole model to find
    with torch.no_grad():
        keep = connected(subject.model, smallest_prefix(mask, TARGET, fresh_loss, lambda loss, keep: None))
        return count_kept(keep), count_edges(subject.model, keep), fresh_loss(keep), steps


def prune_rows(model: Path) -> list[Row]:
    """The tasks that the model does best, with default settings, each against as many seconds of the plain way."""
    subject = load_subject(model)
    scores = {
        name: m["loss_nats"]["value"]
        for name, m in subject.card["tasks"].items()
        if name in TASKS and isinstance(m, dict)
    }
    rows = []
    for task in sorted(scores, key=lambda name: scores[name])[:N_TASKS]:
        result = prune(subject, TASKS[task], PruneSettings())
        nodes, edges, loss, steps = plain_prune(subject, task, result.elapsed_s)
        n_edges = len(compile_circuit(subject.model, subject.means, result.circuit.keep(subject.config, subject.device),
                                      cut_edges=result.circuit.cut_edges).edges)  # fmt: skip
        ours = f"{human(result.elapsed_s)}: {len(result.circuit.nodes)} nodes, {n_edges} edges"
        plain = f"{steps} steps: {nodes} nodes, {edges} edges at {loss:.3f} nats"
        rows.append(Row(f"4. `{task}` on `{subject.name}` to {result.fresh_loss_nats:.3f} nats, default settings; "
                        "as many seconds of the paper's way", ours, plain, edges / max(1, n_edges), "60 s",
                        result.elapsed_s < 60 and result.reached_target))  # fmt: skip
    return rows


def http_rows() -> list[Row]:
    """Cuts that were not asked before, of one node (a click) and of two with their interplay; 64 pairs each.

    In the circuit of median size of the best model, in the largest one, and in the model.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(ROOT / "bundle", Path(folder) / "data") as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
    ):
        best = client.get("/models.json").json()[0]["name"]
        summaries = [CircuitSummary.model_validate(c) for c in client.get("/circuits.json").json()]
        by_size = sorted((c for c in summaries if c.model == best), key=lambda c: (c.n_nodes, c.id))
        rows = []
        usual, largest = by_size[len(by_size) // 2], by_size[-1]
        for summary, kind in ((usual, "circuit"), (largest, "circuit"), (largest, "model")):
            circuit = CircuitDetail.model_validate(client.get(f"{summary.url}.json").json())
            nodes = [node.id for node in circuit.nodes]
            random.Random(0).shuffle(nodes)  # cuts near the end of a model cost less than those near its beginning
            target, where = {"kind": "circuit", "circuit": circuit.id}, f"{len(nodes)} nodes for `{circuit.task}`"
            if kind == "model":
                target, where = {"kind": "model", "model": circuit.model, "task": circuit.task}, "the model"
            for what, asked in (("one node", [[node] for node in nodes]), ("two nodes", list(pairwise(nodes)))):
                times = [_cut_s(client, target, some) for some in asked[:N_CUTS]]
                p50, p95 = percentile(times[5:], 0.5), percentile(times[5:], 0.95)
                rows.append(Row(f"5. {what} cut in {where}, `{circuit.model}`, 64 pairs, over HTTP: p95, p50",
                                human(p95), human(p50), None, "p95 < 100 ms", p95 < 0.1))  # fmt: skip
        return rows


def _cut_s(client: httpx.Client, target: dict[str, str], nodes: list[str]) -> float:
    started = time.perf_counter()
    answer = client.post("/ablations", json={"target": target, "nodes": nodes})
    assert answer.status_code < 300, answer.text
    return time.perf_counter() - started


def best_model() -> Path:
    """The bundled Python model of the lowest mean loss over tasks."""
    models = [load_subject(path) for path in sorted((ROOT / "bundle" / "models").iterdir()) if path.is_dir()]
    python = [subject for subject in models if subject.language == "python"]

    def mean_loss(subject: Subject) -> float:
        found = [m["loss_nats"]["value"] for m in subject.card.get("tasks", {}).values() if isinstance(m, dict)]
        return sum(found) / len(found) if found else float("inf")

    return ROOT / "bundle" / "models" / min(python, key=mean_loss).name
