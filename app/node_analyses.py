"""One node of a circuit, looked at on the task, on held-out text and as a function."""

import time
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from app import convert_nodes as convert
from app.corpus import Corpus
from app.errors import listed
from app.experiments import Experiments, check_inside
from app.once import Once
from app.schemas import CorpusAnswer, NeuronResponse, NoCorpus, NodeOnTask
from model.batch import PairBatch, encode_pairs
from model.circuit import Circuit
from model.profile import task_profile
from model.response import check_neuron, pre_activations
from model.sites import Node, parse_node
from model.subject import Subject


class Profile(NamedTuple):
    """All kept nodes over a task's pairs."""

    full_model: Float[Tensor, "node 2 pair reduction"]
    circuit: Float[Tensor, "node 2 pair reduction"]


class Runs(NamedTuple):
    """What goes into all kept neurons at every token."""

    full_model: Float[Tensor, "neuron token"]
    circuit: Float[Tensor, "neuron token"]


class Inputs(NamedTuple):
    """Over a task's pairs, and over some of the held-out text."""

    task: Runs
    corpus: Runs | None


#: Windows of the held-out text, of at most 128 tokens, in which what goes into neurons is recorded.
N_WINDOWS = 64


class NodeAnalyses:
    """Passes over a task or the text record all nodes of a circuit at once and are remembered for a while."""

    def __init__(self, experiments: Experiments, corpus: Corpus) -> None:
        self.experiments = experiments
        self.corpus = corpus
        self._batch = Once(self._make_batch, 16)
        self._profile = Once(self._make_profile, 32)
        self._inputs = Once(self._make_inputs, 32)

    def on_task(self, circuit_id: str, node_id: str, n_pairs: int) -> NodeOnTask:
        subject, circuit, node = self._node(circuit_id, node_id)
        profile = self._profile(subject.name, circuit, n_pairs)
        row = circuit.nodes.index(node)
        return NodeOnTask(
            circuit_id=circuit_id,
            node=node_id,
            task=circuit.task,
            n_pairs=profile.circuit.shape[2],
            split="heldout",
            full_model=convert.task_values(profile.full_model[row]),
            circuit=convert.task_values(profile.circuit[row]),
        )

    def on_corpus(self, circuit_id: str, node_id: str) -> CorpusAnswer:
        started = time.perf_counter()
        subject, circuit, node = self._node(circuit_id, node_id)
        found = self.corpus.nodes_of(subject, circuit)
        if found is None:
            there_is = listed(self.corpus.languages())
            return NoCorpus(
                kind="none",
                message=f"There is no held-out text for a model that reads {subject.language}; there is: {there_is}.",
            )
        return convert.on_corpus(subject, circuit, node, found, started)

    def response(self, circuit_id: str, node_id: str, n_pairs: int) -> NeuronResponse:
        subject, circuit, node = self._node(circuit_id, node_id)
        check_neuron(node)
        task, corpus = self._inputs(subject.name, circuit, n_pairs)
        row = neurons_of(circuit).index(node)
        n_pairs = self._batch(subject.name, circuit.task, n_pairs).n_pairs
        on_text = None if corpus is None else (corpus.full_model[row], corpus.circuit[row])
        return convert.response(subject, circuit, node, (task.full_model[row], task.circuit[row]), on_text, n_pairs)

    def _node(self, circuit_id: str, node_id: str) -> tuple[Subject, Circuit, Node]:
        """Raises a Refusal for a node that the model or the circuit does not have."""
        subject, _, circuit = self.experiments.circuit(circuit_id)
        node = parse_node(node_id, subject.config)
        check_inside([node], circuit, circuit_id)
        return subject, circuit, node

    def _make_batch(self, model: str, task: str, n_pairs: int) -> PairBatch:
        """The pairs that circuits are measured on, the first of them."""
        subject = self.experiments.library.subject(model)
        pairs = self.experiments.tasks.find(task).pairs("heldout", n_pairs, 0)
        return encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)

    def _make_profile(self, model: str, circuit: Circuit, n_pairs: int) -> Profile:
        batch = self._batch(model, circuit.task, n_pairs)
        subject = self.experiments.library.subject(model)
        return Profile(*(task_profile(subject, batch, circuit.nodes, within) for within in (None, circuit)))

    def _make_inputs(self, model: str, circuit: Circuit, n_pairs: int) -> Inputs:
        subject = self.experiments.library.subject(model)
        batch = self._batch(model, circuit.task, n_pairs)
        windows = self.corpus.some_windows(subject, N_WINDOWS)

        def runs(tokens: Int[Tensor, "prompt pos"], last: Int[Tensor, " prompt"]) -> Runs:
            neurons = neurons_of(circuit)
            return Runs(*(pre_activations(subject, tokens, last, neurons, within) for within in (None, circuit)))

        task = runs(batch.tokens, batch.last)
        if windows is None:
            return Inputs(task, None)
        windows = windows.to(subject.device)
        return Inputs(task, runs(windows, torch.full((len(windows),), windows.shape[1] - 1, device=subject.device)))


def neurons_of(circuit: Circuit) -> list[Node]:
    return [node for node in circuit.nodes if node.part == "mlp.post_act"]
