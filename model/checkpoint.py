"""Model folders: the release's form read, ours read and written; nothing in a folder is ever executed.

Ours is `config.json` beside `weights.safetensors`, where a sparse matrix is two tensors: `NAME#index` (flat
positions, int32) and `NAME#value` (float32). The release's is `beeg_config.json` beside `final_model.pt`.
"""

import hashlib
import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.config import ModelConfig, read_json
from model.errors import CheckpointError
from model.nonzeros import Nonzeros, SparseLinear, weight_named
from model.transformer import Transformer

#: Below this fraction of nonzeros a matrix is stored as positions and values.
_SPARSE_BELOW = 0.4


def load_model(folder: Path, device: torch.device | str = "cpu") -> Transformer:
    """The model of a folder in either form, in float32 on `device`, ready to run (`eval`, no gradients).

    Raises CheckpointError with one sentence where a file is missing, broken, or does not fit its config.
    """
    if (folder / "config.json").is_file():
        config = ModelConfig.from_dict(read_json(folder / "config.json"))
        state = _read_ours(folder / "weights.safetensors", config)
    elif (folder / "beeg_config.json").is_file():
        config = ModelConfig.from_release(read_json(folder / "beeg_config.json"))
        state = _read_release(folder / "final_model.pt")
    else:
        raise CheckpointError(f"{folder.name} holds neither config.json nor beeg_config.json")
    model = _assemble(config, state)
    return model if torch.device(device).type == "cpu" else model.to(device)


def save_model(model: Transformer, folder: Path) -> None:
    """Write `config.json` and `weights.safetensors`; what is mostly zeros is stored sparse."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, value in _state(model):
        flat = value.flatten()
        if value.ndim == 2 and flat.count_nonzero() < _SPARSE_BELOW * flat.numel():
            index = flat.nonzero().flatten()
            tensors[f"{name}#index"], tensors[f"{name}#value"] = index.to(torch.int32), flat[index]
        else:
            half = name == "bigram_table" and bool((value.half().float() == value).all())
            tensors[name] = value.half() if half else value
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1) + "\n")
    save_file(tensors, folder / "weights.safetensors")


def fingerprint(model: Transformer) -> str:
    """SHA-256 (hex) of config and float32 weights: the same model has the same fingerprint in any file form."""
    digest = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True).encode())
    for name, value in _state(model):
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update((value + 0.0).numpy().data)  # -0.0 and 0.0 are the same weight
    return digest.hexdigest()


def _state(model: Transformer) -> Iterator[tuple[str, Tensor]]:
    """Names in their order and float32 values on the CPU, one at a time; a tied unembedding once."""
    for name in sorted(_shapes(model.config)):
        if name != "lm_head.weight" or not model.config.tied_unembed:
            yield name, weight_named(model, name).detach().float().cpu().contiguous()


def _matrices(config: ModelConfig) -> set[str]:
    """Names of the weights of blocks, which need not be dense."""
    names = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    return {f"transformer.h.{layer}.{name}.weight" for layer in range(config.n_layer) for name in names}


def _shapes(config: ModelConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: value.shape for name, value in Transformer(config).state_dict().items()}


def _read_ours(path: Path, config: ModelConfig) -> dict[str, Tensor | Nonzeros]:
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {type(error).__name__}") from None
    shapes = _shapes(config)
    state: dict[str, Tensor | Nonzeros] = {}
    for name, value in stored.items():
        if name.endswith("#index"):
            plain = name.removesuffix("#index")
            values, shape = stored.get(f"{plain}#value"), shapes.get(plain)
            if values is None or shape is None or value.shape != values.shape or value.ndim != 1:
                raise CheckpointError(f"{path.name}: the sparse matrix {plain} is not whole")
            if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < shape.numel():
                raise CheckpointError(f"{path.name}: {plain} has entries outside its shape {tuple(shape)}")
            found = Nonzeros(shape, value if value.dtype == torch.int64 else value.to(torch.int32), values)
            in_order = bool((value[1:] > value[:-1]).all()) and values.is_floating_point() and bool((values != 0).all())
            state[plain] = found if in_order and plain in _matrices(config) else found.dense()
        elif not name.endswith("#value"):
            state[name] = value
    return state


def _read_release(path: Path) -> dict[str, Tensor | Nonzeros]:
    try:
        raw = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"there is no {path.name} beside the config") from None
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path.name} holds more than tensors, so it was not opened") from None
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path.name} is not a file of tensors: {type(error).__name__}") from None
    if not isinstance(raw, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in raw.items()):
        raise CheckpointError(f"{path.name} is not a state_dict: names with tensors")
    return {patched_name(name): value for name, value in raw.items() if not _is_causal_mask(name)}


def patched_name(name: str) -> str:
    """Today's name of a parameter saved under an old one (wrappers of compiled and parallel training)."""
    for prefix in ("module.", "_orig_mod."):
        name = name.removeprefix(prefix)
    return name


def _is_causal_mask(name: str) -> bool:
    """Old GPT-2 files carry each attention's causal mask as a buffer."""
    return name.endswith((".attn.bias", ".attn.masked_bias"))


def _assemble(config: ModelConfig, state: dict[str, Tensor | Nonzeros]) -> Transformer:
    """A Transformer holding `state`, which must fit the config name by name and shape by shape."""
    shapes = _shapes(config)
    state.setdefault("final_logits_bias", torch.zeros(config.vocab_size))
    wte = state.get("transformer.wte.weight")
    if config.tied_unembed and isinstance(wte, Tensor):
        tied = state.setdefault("lm_head.weight", wte)
        if not isinstance(tied, Tensor) or not torch.equal(tied, wte):
            raise CheckpointError("lm_head.weight differs from transformer.wte.weight, yet tied_unembed is set")
    if set(shapes) - set(state):
        raise CheckpointError(f"the weights lack {sorted(set(shapes) - set(state))[0]}")
    if set(state) - set(shapes):
        surplus = sorted(set(state) - set(shapes))[0]
        raise CheckpointError(f"the weights hold {surplus}, which this config has no place for")
    for name, value in state.items():
        if value.shape != shapes[name]:
            raise CheckpointError(f"{name} has shape {tuple(value.shape)}; the config says {tuple(shapes[name])}")
        entries = value if isinstance(value, Tensor) else value.values
        if not entries.is_floating_point() or not bool(entries.isfinite().all()):
            raise CheckpointError(f"{name} holds entries that are not finite numbers")
    with torch.device("meta"):
        model = Transformer(config)
    dense = {name: value.float() for name, value in state.items() if isinstance(value, Tensor)}
    model.load_state_dict(dense, strict=False, assign=True)  # what is missing comes below
    if config.tied_unembed:
        model.lm_head.weight = model.wte.weight
    model.requires_grad_(False)
    for name, value in state.items():
        if isinstance(value, Nonzeros):
            owner, _, part = name.removesuffix(".weight").rpartition(".")
            bias = getattr(model.get_submodule(owner), part).bias
            setattr(model.get_submodule(owner), part, SparseLinear(value._replace(values=value.values.float()), bias))
    return model.eval()
