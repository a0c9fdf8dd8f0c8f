"""Model folders: the release's form read, ours read and written; nothing in a folder is ever executed.

Ours is `config.json` beside `weights.safetensors`, where a sparse matrix is two tensors: `NAME#index` (flat
positions, int32) and `NAME#value` (float32). The release's is `beeg_config.json` beside `final_model.pt`.
"""

import hashlib
import json
import pickle
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.config import ModelConfig, read_json
from model.errors import CheckpointError
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
    return _assemble(config, state).to(device).eval().requires_grad_(False)


def save_model(model: Transformer, folder: Path) -> None:
    """Write `config.json` and `weights.safetensors`; what is mostly zeros is stored sparse."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, value in _state(model).items():
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
    for name, value in sorted(_state(model).items()):
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update((value + 0.0).numpy().tobytes())  # -0.0 and 0.0 are the same weight
    return digest.hexdigest()


def _state(model: Transformer) -> dict[str, Tensor]:
    """Names and float32 values on the CPU; a tied unembedding once."""
    state = {name: value.detach().float().cpu().contiguous() for name, value in model.state_dict().items()}
    if model.config.tied_unembed:
        del state["lm_head.weight"]
    return state


def _shapes(config: ModelConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: value.shape for name, value in Transformer(config).state_dict().items()}


def _read_ours(path: Path, config: ModelConfig) -> dict[str, Tensor]:
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {type(error).__name__}") from None
    shapes, state = _shapes(config), {}
    for name, value in stored.items():
        if name.endswith("#index"):
            plain = name.removesuffix("#index")
            values, shape = stored.get(f"{plain}#value"), shapes.get(plain)
            if values is None or shape is None or value.shape != values.shape or value.ndim != 1:
                raise CheckpointError(f"{path.name}: the sparse matrix {plain} is not whole")
            if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < shape.numel():
                raise CheckpointError(f"{path.name}: {plain} has entries outside its shape {tuple(shape)}")
            dense = torch.zeros(shape.numel())
            dense[value.long()] = values.float()
            state[plain] = dense.reshape(shape)
        elif not name.endswith("#value"):
            state[name] = value
    return state


def _read_release(path: Path) -> dict[str, Tensor]:
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


def _assemble(config: ModelConfig, state: dict[str, Tensor]) -> Transformer:
    """A Transformer holding `state`, which must fit the config name by name and shape by shape."""
    shapes = _shapes(config)
    state.setdefault("final_logits_bias", torch.zeros(config.vocab_size))
    if config.tied_unembed and "transformer.wte.weight" in state:
        tied = state.setdefault("lm_head.weight", state["transformer.wte.weight"])
        if not torch.equal(tied, state["transformer.wte.weight"]):
            raise CheckpointError("lm_head.weight differs from transformer.wte.weight, yet tied_unembed is set")
    if set(shapes) - set(state):
        raise CheckpointError(f"the weights lack {sorted(set(shapes) - set(state))[0]}")
    if set(state) - set(shapes):
        surplus = sorted(set(state) - set(shapes))[0]
        raise CheckpointError(f"the weights hold {surplus}, which this config has no place for")
    for name, value in state.items():
        if value.shape != shapes[name]:
            raise CheckpointError(f"{name} has shape {tuple(value.shape)}; the config says {tuple(shapes[name])}")
        if not value.is_floating_point() or not bool(value.isfinite().all()):
            raise CheckpointError(f"{name} holds entries that are not finite numbers")
    with torch.device("meta"):
        model = Transformer(config)
    model.load_state_dict({name: value.float() for name, value in state.items()}, strict=True, assign=True)
    if config.tied_unembed:
        model.lm_head.weight = model.wte.weight
    return model
