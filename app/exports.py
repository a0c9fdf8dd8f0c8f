"""Circuits out: a stored circuit written in any form, the same bytes every time."""

from typing import get_args

from app import convert_forms, pictures
from app.errors import no_such
from app.experiments import Experiments
from app.forms import FORMS, Form
from app.offline import Offline
from app.once import Once
from app.programs import Programs
from app.schemas.forms import AttributionGraph, EapGraph, FormName, ReplicationCircuit
from model.batch import encode_pairs
from model.circuit import Circuit
from model.forms.attribution_graph import attribution_graph
from model.forms.eap import eap_json, heads_and_mlps
from model.forms.replication import replication_json
from model.forms.tables import edges_csv, nodes_csv
from model.gate import keep_only
from model.measure import Interval, measure
from model.sites import Node, site_width
from model.subject import Subject

PNG_WIDTH = 1600
N_KEPT = 32


def find(name: str) -> tuple[FormName, Form]:
    """Raises a 404 Refusal that names the choices."""
    for known in get_args(FormName):
        if known == name:
            return known, FORMS[known]
    raise no_such("form", name, FORMS)


class Exports:
    """Writes circuits of the store; what took a run of the model is remembered for a while."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments = experiments
        self.programs = Programs(experiments)
        self._html = Once(lambda circuit_id: Offline(experiments).html(circuit_id), 2)
        self._collapsed = Once(self._measure_collapsed, N_KEPT)

    def write(self, circuit_id: str, form: FormName) -> bytes:
        """Raises a Refusal where there is no such circuit, or its model is not here as it was."""
        match form:
            case "sparsescope":
                return self._own(circuit_id)
            case "svg":
                return pictures.svg(self.experiments.store.circuit(circuit_id)).encode()
            case "png":
                return pictures.png(pictures.svg(self.experiments.store.circuit(circuit_id)), PNG_WIDTH)
            case "html":
                return self._html(circuit_id).encode()
            case "python":
                return self.programs.python(circuit_id, None, "exact").encode()
        subject, record, _ = self.experiments.circuit(circuit_id)
        told = convert_forms.told(subject, record)
        match form:
            case "nodes-csv":
                return nodes_csv(told).encode()
            case "edges-csv":
                return edges_csv(told).encode()
            case "attribution-graph":
                return _json(AttributionGraph.model_validate(attribution_graph(told)))
            case "sparse-pretrain":
                return _json(ReplicationCircuit.model_validate(replication_json(told)))
            case "eap-ig":
                loss = self._collapsed(circuit_id)
                written = eap_json(told, (loss.value, loss.low, loss.high))
                return _json(EapGraph.model_validate(written), exclude_unset=True)

    def _own(self, circuit_id: str) -> bytes:
        return self.experiments.store.circuit_json(circuit_id).encode()

    def _measure_collapsed(self, circuit_id: str) -> Interval:
        """Held-out loss with each head and MLP of the circuit whole and all else at its mean, logits as they are."""
        subject, record, circuit = self.experiments.circuit(circuit_id)
        pairs = self.experiments.tasks.find(record.task).pairs("heldout", record.measures.circuit.n_pairs, 0)
        batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
        whole = collapsed(subject, circuit)
        return measure(subject.model, batch, keep_only(whole, subject.means, subject.config)).loss()


def collapsed(subject: Subject, circuit: Circuit) -> Circuit:
    """Every head and MLP of which the circuit keeps something inside, kept whole."""
    config = subject.config
    heads, mlps = heads_and_mlps(list(circuit.nodes), config.d_head)
    nodes: list[Node] = []
    for layer, head in sorted(heads):
        first = head * config.d_head
        nodes += [Node(f"{layer}.attn.{p}", i) for p in "qkv" for i in range(first, first + config.d_head)]
    sites = [f"{layer}.attn.{part}" for layer in {layer for layer, _ in heads} for part in ("act_in", "resid_delta")]
    sites += [f"{layer}.mlp.{part}" for layer in mlps for part in ("act_in", "post_act", "resid_delta")]
    nodes += [Node(site, i) for site in sites for i in range(site_width(config, site))]
    return Circuit.of(circuit.model_fingerprint, circuit.task, nodes, final_resid=circuit.final_resid)


def _json(value: AttributionGraph | ReplicationCircuit | EapGraph, *, exclude_unset: bool = False) -> bytes:
    return (value.model_dump_json(exclude_unset=exclude_unset) + "\n").encode()
