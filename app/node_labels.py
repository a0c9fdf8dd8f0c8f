"""Proposed labels of nodes: conditions over tokens, searched for on the held-out text that comes with the app."""

import threading
import time
from functools import lru_cache
from typing import Literal

import numpy as np

from app.convert import interval
from app.corpus import Corpus
from app.errors import listed
from app.experiments import Experiments, check_inside
from app.schemas.annotations import MAX_LABEL
from app.schemas.trials import LabelProposal, LabelProposals
from model.labels.atoms import atoms_of
from model.labels.search import FEWEST_FIRES, Firing, Found, Search, firings
from model.sites import parse_node
from model.subject import Subject

Within = Literal["model", "circuit"]


class NodeLabels:
    """The conditions of the text are worked out once a tokeniser; a search takes some tenths of a second."""

    def __init__(self, experiments: Experiments, corpus: Corpus) -> None:
        self.experiments = experiments
        self.corpus = corpus
        self._lock = threading.Lock()
        self._search = lru_cache(maxsize=4)(self._make_search)
        self._proposals = lru_cache(maxsize=512)(self._make_proposals)

    def propose(self, circuit_id: str, node_id: str, within: Within) -> LabelProposals:
        """Raises a Refusal for a node that the model or the circuit does not have."""
        started = time.perf_counter()
        proposals, why = self._proposals(circuit_id, node_id, within)
        return LabelProposals(
            circuit=circuit_id,
            node=node_id,
            within=within,
            proposals=list(proposals),
            why_none=why,
            elapsed_ms=1000 * (time.perf_counter() - started),
        )

    def _make_proposals(
        self, circuit_id: str, node_id: str, within: Within
    ) -> tuple[tuple[LabelProposal, ...], str | None]:
        subject, _, circuit = self.experiments.circuit(circuit_id)
        node = parse_node(node_id, subject.config)
        check_inside([node], circuit, circuit_id)
        found = self.corpus.nodes_of(subject, circuit)
        if found is None:
            there_is = listed(self.corpus.languages())
            return (), f"There is no held-out text for a model that reads {subject.language}; there is: {there_is}."
        with self._lock:
            search = self._search(subject.name, subject.fingerprint)
        values = (found.full_model if within == "model" else found.circuit)[circuit.nodes.index(node)]
        sides = list(firings(values.flatten().double().numpy()))
        if not sides:
            return (), "The node is constant on the text, so it never fires."
        best = [(side, search.best(side.fires)) for side in sides]
        found_ones = [(side, label) for side, label in best if label is not None]
        proposals = tuple(_proposal(*one) for one in sorted(found_ones, key=lambda one: -one[1].train_f1))
        return proposals, None if proposals else f"The node fires at fewer than {FEWEST_FIRES} tokens of the text."

    def _make_search(self, model: str, _fingerprint: str) -> Search:
        subject = self.experiments.library.subject(model)
        windows, documents = self._sample(subject)
        return Search(atoms_of(windows), documents)

    def _sample(self, subject: Subject) -> tuple[list[list[str]], np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
        """The text's windows as words, and which document each token is of."""
        windows = self.corpus.windows(subject)
        texts = [subject.tokenizer.token_text(token) for token in range(subject.tokenizer.vocab_size)]
        documents = (windows.flatten() == subject.tokenizer.separator).long().cumsum(dim=0).numpy()
        return [[texts[token] for token in window] for window in windows.tolist()], documents


def _proposal(side: Firing, found: Found) -> LabelProposal:
    rule = str(found.rule)
    label = rule if side.sign == "positive" else f"−: {rule}"
    return LabelProposal(
        sign=side.sign,
        threshold=side.threshold,
        rule=rule,
        precision=None if found.precision is None else interval(found.precision),
        recall=None if found.recall is None else interval(found.recall),
        train_f1=found.train_f1,
        heldout_f1=found.heldout_f1,
        weak=found.is_weak,
        n_fires=found.n_fires,
        n_predicted=found.n_predicted,
        n_tokens=found.n_tokens,
        n_documents=found.n_documents,
        label=label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}…",
    )
