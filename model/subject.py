"""A subject: a trained model with all that experiments on it need (tokeniser, corpus means, fingerprint)."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from model.checkpoint import fingerprint, load_model
from model.config import ModelConfig, read_json
from model.errors import CheckpointError
from model.means import Means, MissingMeans, load_means
from model.nonzeros import held
from model.tasks.task import Language
from model.token_ids import TokenIds
from model.tokenizer import Tokenizer
from model.transformer import Transformer


@dataclass(frozen=True)
class Subject:
    """Everything is on `device`; `card` is the folder's `card.json` (title, description, task figures)."""

    name: str
    model: Transformer
    tokenizer: Tokenizer
    means: Means
    fingerprint: str
    card: dict[str, Any]
    training: dict[str, Any]

    @property
    def config(self) -> ModelConfig:
        return self.model.config

    @property
    def language(self) -> Language:
        """What the model reads, told by its tokeniser: one that has no token for a letter reads brackets alone."""
        if isinstance(self.tokenizer, TokenIds):
            return "tokens"
        return "python" if self.tokenizer.can_encode("x") else "dyck"

    @property
    def device(self) -> torch.device:
        return self.model.device

    @cached_property
    def n_bytes(self) -> int:
        """What its tensors take up, each counted once and as dense."""
        means = [] if isinstance(self.means, MissingMeans) else self.means.values()
        found = {part.address: part.n_bytes for part in held(self.model)}
        found |= {tensor.data_ptr(): tensor.nbytes for tensor in (*self.model.buffers(), *means)}
        return sum(found.values())


def load_subject(folder: Path, device: torch.device | str = "cpu") -> Subject:
    """Read a model folder whole. Raises CheckpointError with one sentence where anything does not fit."""
    model = load_model(folder, device)
    tokenizer = _tokenizer(folder, model.config)
    if tokenizer.vocab_size > model.config.vocab_size:
        raise CheckpointError(
            f"the tokeniser has {tokenizer.vocab_size} tokens, the model only {model.config.vocab_size}"
        )
    means = _means(folder / "means.safetensors", model.config, device)
    card = read_json(folder / "card.json") if (folder / "card.json").is_file() else {}
    training = read_json(folder / "training.json") if (folder / "training.json").is_file() else {}
    return Subject(folder.name, model, tokenizer, means, fingerprint(model), card, training)


def _tokenizer(folder: Path, config: ModelConfig) -> Tokenizer:
    """The folder's own; token ids where it has none."""
    try:
        return Tokenizer.load(folder)
    except FileNotFoundError:
        return TokenIds(config.vocab_size)
    except Exception as error:  # the library that reads it has errors of its own
        raise CheckpointError(f"tokenizer.json cannot be read: {type(error).__name__}") from None


def _means(path: Path, config: ModelConfig, device: torch.device | str) -> Means:
    return load_means(path, config, device) if path.exists() else MissingMeans()
