"""A bundle small enough to make in a second: one two-layer model of random weights and one circuit of it."""

import json
from pathlib import Path

import torch

from app.pruning import circuit_record
from app.schemas import CircuitDetail, Provenance, PruneSettings
from model.checkpoint import save_model
from model.circuit import Circuit
from model.config import ModelConfig
from model.means import save_means
from model.sites import Node, maskable_sites, n_nodes, site_width
from model.subject import load_subject
from model.tasks import TASKS
from model.tokenizer import Tokenizer
from model.training.loop import initialise
from model.transformer import Transformer

MODEL = "tiny"
TASK = "single_double_quote"
CONFIG = ModelConfig(
    n_layer=2, d_model=16, d_mlp=24, n_head=2, d_head=8, vocab_size=600, block_size=160, sink=True, add_positions=False
)  # fmt: skip
N_NODES = n_nodes(CONFIG)
N_PAIRS = 16


def write_bundle(folder: Path) -> None:
    """`models/tiny`, a held-out text and one circuit that keeps every third node of it."""
    model_folder = folder / "models" / MODEL
    model = Transformer(CONFIG)
    initialise(model, seed=0)
    save_model(model, model_folder)
    generator = torch.Generator().manual_seed(0)
    means = {site: torch.randn(site_width(CONFIG, site), generator=generator) for site in maskable_sites(CONFIG)}
    save_means(means, model_folder / "means.safetensors")
    pairs = TASKS[TASK].pairs("train", 100)
    texts = [f"{pair.prompts[side]}{pair.answers[side]}\n" for pair in pairs for side in (0, 1)]
    Tokenizer.train(texts, CONFIG.vocab_size).save(model_folder)
    interval = {"value": 0.7, "low": 0.6, "high": 0.8}
    measure = {"loss_nats": interval, "accuracy": interval, "logit_diff": interval, "n_pairs": 64, "split": "heldout"}
    card = {"title": "Tiny", "description": "Random weights.", "val_loss_nats": 1.5, "tasks": {TASK: measure}}
    (model_folder / "card.json").write_text(json.dumps(card))
    curve = [{"step": 1, "val_generated_nats": 6.4, "n_nonzero": 4000}]
    record = {"training": {"n_steps": 9, "betas": [0.9, 0.95]}, "curve": curve}
    (model_folder / "training.json").write_text(json.dumps(record))
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "python.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    circuits = folder / "circuits"
    circuits.mkdir()
    circuit = make_circuit(model_folder, every=3)
    (circuits / f"{circuit.id}.json").write_text(circuit.model_dump_json())


def make_circuit(model_folder: Path, every: int) -> CircuitDetail:
    """The circuit that keeps every n-th node of each site."""
    subject = load_subject(model_folder)
    nodes = [Node(site, i) for site in maskable_sites(CONFIG) for i in range(0, site_width(CONFIG, site), every)]
    circuit = Circuit.of(subject.fingerprint, TASK, nodes)
    provenance = Provenance(
        method="prune", settings=PruneSettings(), n_steps_run=0, elapsed_s=0, calibration=None, curve=[], versions={}
    )  # fmt: skip
    return circuit_record(subject, TASKS[TASK], circuit, provenance, n_pairs=N_PAIRS)
