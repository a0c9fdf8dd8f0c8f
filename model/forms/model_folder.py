"""A model folder that a stranger gave, checked before anything large is made of it. Nothing in it is executed.

1. The config is read and its sizes held against the size of the weights' file: what claims more is refused.
2. The weights are read as tensors alone, and must fit the config name by name and shape by shape.
3. The tokeniser, where there is one, must be byte-level BPE and no larger than the model's vocabulary.
"""

import json
from pathlib import Path

from model.checkpoint import load_model
from model.config import ModelConfig
from model.errors import CheckpointError, InputError
from model.forms.archive import check_torch_file
from model.forms.json_values import object_of, parse, short
from model.token_ids import TokenIds
from model.tokenizer import Tokenizer
from model.transformer import Transformer

CONFIGS = ("beeg_config.json", "config.json")
#: What may lie in a model folder; all else is passed over.
FILES = (
    *CONFIGS, "final_model.pt", "weights.safetensors", "tokenizer.json", "encoder.json", "vocab.bpe",
    "means.safetensors",
)  # fmt: skip
MOST_LAYERS = 256
LONGEST_CONTEXT = 16_384
MOST_WEIGHTS = 4_000_000_000


def check_folder(folder: Path, most_bytes: int) -> tuple[Transformer, Tokenizer]:
    """The model and its tokeniser, token ids where it brings none. Raises CheckpointError with one sentence."""
    config = read_config(folder)
    released = not (folder / "config.json").is_file()
    weights = folder / ("final_model.pt" if released else "weights.safetensors")
    if not weights.is_file():
        raise CheckpointError(f"there is no {weights.name} beside the config")
    if released:
        check_torch_file(weights, most_bytes)
    check_sizes(config, weights if released else None)
    try:
        model = load_model(folder)
    except InputError:
        raise
    except Exception as error:  # a stranger's file can make a parser fail in any way
        raise CheckpointError(f"{weights.name} is not a file of tensors: {type(error).__name__}") from None
    return model, read_tokenizer(folder, config)


def read_config(folder: Path) -> ModelConfig:
    for name in reversed(CONFIGS):
        path = folder / name
        if path.is_file():
            content = object_of(_parsed(path), name)
            return ModelConfig.from_dict(content) if name == "config.json" else ModelConfig.from_release(content)
    raise CheckpointError("the folder holds neither beeg_config.json nor config.json, so it is no model")


def _parsed(path: Path) -> object:
    if path.stat().st_size > 16_000_000:
        raise CheckpointError(f"{path.name} has {path.stat().st_size:,} bytes, which no such file has")
    return parse(path.read_bytes(), path.name)


def check_sizes(config: ModelConfig, dense: Path | None) -> None:
    """Refuse sizes that the weights' file (`dense`, two bytes a weight at least) cannot hold, or that none could."""
    if config.n_layer > MOST_LAYERS:
        raise CheckpointError(f"config: n_layer is {config.n_layer:,}; at most {MOST_LAYERS} are taken")
    if config.block_size > LONGEST_CONTEXT:
        raise CheckpointError(f"config: block_size is {config.block_size:,}; at most {LONGEST_CONTEXT:,} are taken")
    n_weights = at_least(config)
    if n_weights > MOST_WEIGHTS:
        raise CheckpointError(f"config: a model of at least {n_weights:,} weights is too large; {MOST_WEIGHTS:,} go")
    if dense is not None and 2 * n_weights > dense.stat().st_size:
        raise CheckpointError(
            f"config: such a model has at least {n_weights:,} weights, more than the {dense.stat().st_size:,} bytes of "
            f"{dense.name} can hold"
        )


def at_least(config: ModelConfig) -> int:
    """The weights of the matrices alone."""
    layer = 3 * config.d_attn * config.d_block_in + config.d_attn * config.d_model
    layer += config.d_mlp * (config.d_block_in + config.d_model)
    ends = config.vocab_size * config.d_model * (1 if config.tied_unembed else 2)
    return config.n_layer * layer + ends + (config.vocab_size**2 if config.enable_bigram_table else 0)


def read_tokenizer(folder: Path, config: ModelConfig) -> Tokenizer:
    """Raises CheckpointError where there is one that cannot be used."""
    names = [name for name in ("tokenizer.json", "encoder.json", "vocab.bpe") if (folder / name).is_file()]
    if not names:
        return TokenIds(config.vocab_size)
    if names[0] == "tokenizer.json":
        content = object_of(_parsed(folder / names[0]), names[0])
        kind = content.get("model", {}).get("type") if isinstance(content.get("model"), dict) else None
        if kind != "BPE":
            raise CheckpointError(f"tokenizer.json is of the kind {short(kind)}; byte-level BPE is read")
    elif names != ["encoder.json", "vocab.bpe"]:
        raise CheckpointError(f"a released tokeniser is two files, encoder.json and vocab.bpe; here is only {names[0]}")
    else:
        _parsed(folder / "encoder.json")
    try:
        tokenizer = Tokenizer.load(folder)
        if tokenizer.vocab_size > config.vocab_size:
            raise CheckpointError(
                f"the tokeniser has {tokenizer.vocab_size:,} tokens, the model only {config.vocab_size:,}"
            )
        tokenizer.separator  # noqa: B018
        for token in range(tokenizer.vocab_size):
            tokenizer.token_text(token)
        tokenizer.encode("a")
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{names[0]} is not a byte-level BPE that can be used: {type(error).__name__}") from None
    return tokenizer


def card_of(title: str, description: str) -> str:
    return json.dumps({"title": title, "description": description}, indent=1) + "\n"
