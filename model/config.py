"""The shape of a transformer: every option of the model family, read from the release's config or ours."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from model.errors import CheckpointError

LOCTYPES = (
    "attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out",
    "resid_post_attn", "resid_post_mlp",
)  # fmt: skip

# Keys of released configs that change nothing when a trained model is run.
_INERT = {
    "dropout", "dropout_cat_pos_emb", "debug_nans", "tokenizer_name", "enable_sparse_kernels", "flash",
    "learnable_bigram_table", "grad_checkpointing",
}  # fmt: skip

_SWITCHES = {
    "rms_norm", "bias", "ln_bias", "sink", "enable_bigram_table", "tied_unembed", "sinusoidal_cat_pos_emb",
    "add_positions",
}  # fmt: skip


@dataclass(frozen=True)
class ModelConfig:
    """Options of a GPT-2-style decoder, with the release's names (paper section 2.1, release `beeg_config.json`)."""

    n_layer: int
    d_model: int
    d_mlp: int
    n_head: int
    d_head: int
    vocab_size: int
    block_size: int
    rms_norm: bool = True
    bias: bool = True
    ln_bias: bool = True
    activation_type: Literal["gelu", "relu"] = "gelu"
    sink: bool = False
    afrac: float | None = None
    afrac_loctypes: tuple[str, ...] = ()
    enable_bigram_table: bool = False
    tied_unembed: bool = False
    d_pos_emb: int | None = None
    sinusoidal_cat_pos_emb: bool = False
    add_positions: bool = True

    @property
    def d_block_in(self) -> int:
        """Width of `act_in`: the normed residual, with the concatenated positions if there are any."""
        return self.d_model + (self.d_pos_emb or 0)

    @property
    def d_attn(self) -> int:
        return self.n_head * self.d_head

    def kept_by_abs_topk(self, loctype: str, width: int) -> int | None:
        """How many entries AbsTopK keeps of `width` at a location; None where it does not act."""
        if self.afrac is None or self.afrac == 1 or loctype not in self.afrac_loctypes:
            return None
        return int(self.afrac * width)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"afrac_loctypes": list(self.afrac_loctypes)}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "ModelConfig":
        """Our own `config.json`: exactly these fields."""
        known = {field.name for field in fields(cls)}
        if set(raw) - known:
            raise CheckpointError(f"config: {sorted(set(raw) - known)[0]!r} is not an option of this model family")
        _check(raw)
        try:
            return cls(**(raw | {"afrac_loctypes": tuple(raw.get("afrac_loctypes", ()))}))
        except TypeError as error:
            raise CheckpointError(f"config: {error}") from None

    @classmethod
    def from_release(cls, raw: dict[str, Any]) -> "ModelConfig":
        """The release's `beeg_config.json`, old names and absent keys included.

        An option this code does not know is refused unless it is switched off: to ignore it would change answers.
        """
        raw = dict(raw)
        if "n_mlp" in raw:
            raw.setdefault("d_mlp", raw.pop("n_mlp"))
        if raw.pop("residual_activation_type", "identity") != "identity":
            raise CheckpointError("config: only residual_activation_type 'identity' is supported")
        for key in _INERT:
            raw.pop(key, None)
        loctypes = raw.pop("afrac_loctypes", None) or ""
        raw["afrac_loctypes"] = [name for name in str(loctypes).split(",") if name]
        raw.setdefault("d_mlp", 4 * raw["d_model"] if isinstance(raw.get("d_model"), int) else None)
        if isinstance(raw.get("d_model"), int) and isinstance(raw.get("n_head"), int) and raw["n_head"]:
            raw.setdefault("d_head", raw["d_model"] // raw["n_head"])
        known = {field.name for field in fields(cls)}
        for key in set(raw) - known:
            if raw[key]:
                raise CheckpointError(f"config: option {key} = {raw[key]!r} is not known here")
            raw.pop(key)
        return cls.from_dict(raw)


def _check(raw: dict[str, Any]) -> None:
    """CheckpointError with one sentence where a value is not one that its option can have."""
    for name in ("n_layer", "d_model", "d_mlp", "n_head", "d_head", "vocab_size", "block_size"):
        if not _is_size(raw.get(name)):
            raise CheckpointError(f"config: {name} is {raw.get(name)!r}, not a whole number from 1 to {2**20}")
    if raw.get("d_pos_emb") is not None and not _is_size(raw["d_pos_emb"]):
        raise CheckpointError(f"config: d_pos_emb is {raw['d_pos_emb']!r}, not a whole number from 1 to {2**20}")
    if raw.get("activation_type", "gelu") not in ("gelu", "relu"):
        raise CheckpointError(f"config: activation_type is {raw['activation_type']!r}, not gelu or relu")
    afrac = raw.get("afrac")
    if afrac is not None and not (isinstance(afrac, int | float) and 0 < afrac <= 1):
        raise CheckpointError(f"config: afrac is {afrac!r}, not a fraction from 0 to 1")
    for name in raw.get("afrac_loctypes", ()):
        if name not in LOCTYPES:
            raise CheckpointError(f"config: no location {name!r}; there is: {', '.join(LOCTYPES)}")
    for name in _SWITCHES & set(raw):
        if not isinstance(raw[name], bool):
            raise CheckpointError(f"config: {name} is {raw[name]!r}, not true or false")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 2**20


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; CheckpointError with one sentence where it is not one."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path.name} cannot be read as JSON: {type(error).__name__}") from None
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path.name} holds a {type(raw).__name__}, not an object")
    return raw
