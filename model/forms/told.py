"""A circuit with its figures, as every writer takes it: no tensors, no files."""

from dataclasses import dataclass

from model.config import ModelConfig
from model.graph import Link, WeightedEdge
from model.sites import Node


@dataclass(frozen=True)
class ToldNode:
    """`effect_nats`: circuit loss with this node at its mean, minus without; `mean`: over the corpus."""

    node: Node
    label: str
    effect_nats: float
    mean: float


@dataclass(frozen=True)
class Candidate:
    """A token whose logit is an end of the graph; `probability` is the full model's after the prompt told with it."""

    token: int
    text: str
    probability: float


@dataclass(frozen=True)
class Told:
    """`prompt_tokens` are those of one prompt of the task, class 1; `loss_nats` is held-out, on `n_pairs`."""

    id: str
    model: str
    model_fingerprint: str
    task: str
    task_title: str
    config: ModelConfig
    nodes: tuple[ToldNode, ...]
    edges: tuple[WeightedEdge, ...]
    cut_edges: tuple[WeightedEdge, ...]
    links: tuple[Link, ...]
    embed_channels: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    calibration: tuple[float, float] | None
    loss_nats: tuple[float, float, float]
    full_model_loss_nats: float
    n_pairs: int
    prompt: str
    prompt_tokens: tuple[str, ...]
    created_ms: int
    version: str
    final_resid: tuple[int, ...] | None = None

    @property
    def n_masked(self) -> int:
        """Channels that are at their mean before the last norm."""
        return 0 if self.final_resid is None else self.config.d_model - len(self.final_resid)

    @property
    def sentence(self) -> str:
        """What the circuit is, with its figure."""
        value, low, high = self.loss_nats
        return (
            f"Circuit {self.id} of model {self.model} (fingerprint {self.model_fingerprint[:12]}) for the task "
            f"{self.task}: {len(self.nodes)} nodes, {len(self.edges)} edges, held-out loss {value:.3f} nats "
            f"[{low:.3f}, {high:.3f}] on {self.n_pairs} pairs"
            f"{' with calibrated logits' if self.calibration else ''}; full model {self.full_model_loss_nats:.3f}."
        )


def plural(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
