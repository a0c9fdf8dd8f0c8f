"""Passes that start at the first changed block answer as passes from the beginning."""

from dataclasses import replace

import pytest
import torch

from hand_model import hand_subject
from model import prefix
from model.bench import Bench, intervene
from model.circuit import Circuit
from model.gate import cut
from model.intervention import cuts, edge_cuts
from model.measure import logit_difference
from model.prefix import Prefix, stage_of
from model.sites import Node, maskable_sites, site_width
from model.sparse.transformer import SparseTransformer
from model.targets import Targets
from test_compiled import close, random_batch, random_means, random_model


@pytest.mark.parametrize("most_bytes", [2**28, 20_000, 0], ids=["every block", "some", "the end alone"])
@pytest.mark.parametrize("way", [lambda model: model, SparseTransformer], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "options",
    [{"sink": True, "add_positions": False}, {"rms_norm": False, "d_pos_emb": 6, "add_positions": False}],
    ids=["sink", "concatenated"],
)
def test_a_cut_anywhere_is_the_same_from_the_remembered_stream(options, way, most_bytes, monkeypatch):
    monkeypatch.setattr(prefix, "MOST_BYTES", most_bytes)
    model = way(random_model(**options))
    means, batch = random_means(model.config), random_batch(model.config)
    known = Prefix(model, batch.tokens)
    later = 0
    for site in maskable_sites(model.config):
        node = Node(site, 1)
        tap, start = cut([node], means, model.config), known.before(stage_of(node, model.config.n_layer))
        later += start is not None
        close(logit_difference(model, batch, tap, start), logit_difference(model, batch, tap))
    assert most_bytes == 0 or later > 4, "some passes do start later"


def test_many_cuts_of_the_full_model_share_what_comes_before_them():
    model = random_model(sink=True, add_positions=False)
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    batch = random_batch(model.config)
    config = model.config
    everything = [Node(site, i) for site in maskable_sites(config) for i in range(site_width(config, site))]
    whole = Circuit.of("f", "t", everything)
    nodes = [Node(site, index) for site in maskable_sites(config) for index in (0, 2)]
    edges = [edge for edge in Targets(subject, whole).edges if edge.source.layer == 1][::9]
    for parts in (cuts(nodes, "mean"), cuts(nodes, "zero"), edge_cuts(edges, "mean"), edge_cuts(edges, "zero")):
        together = Bench(subject, batch, None).outcomes(parts, [(i,) for i in range(len(parts))])
        for part, outcome in zip(parts, together, strict=True):
            with torch.no_grad():
                alone = logit_difference(model, batch, intervene(subject, [part]))
            close(outcome.logit_diff, alone)
