"""Mean activations over the pretraining distribution: what a node that is cut is set to (paper A.5, step 2)."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.config import ModelConfig
from model.errors import CheckpointError
from model.sites import FINAL, maskable_sites, site_width
from model.transformer import Transformer

#: For each maskable site the mean of each node over tokens and prompts, shape [node]; and for `final_resid`, which
#: means written by others may lack.
Means = dict[str, Float[Tensor, " node"]]


class MissingMeans(dict[str, Tensor]):
    """In place of means that are not there yet: the model can be looked at, and what needs them says so."""

    def __getitem__(self, site: str) -> Tensor:
        raise self._missing()

    def __iter__(self) -> Iterator[str]:
        raise self._missing()

    def items(self) -> NoReturn:
        raise self._missing()

    def values(self) -> NoReturn:
        raise self._missing()

    def keys(self) -> NoReturn:
        raise self._missing()

    def get(self, *_: object) -> NoReturn:
        raise self._missing()

    @staticmethod
    def _missing() -> CheckpointError:
        return CheckpointError(
            "the corpus means of this model are not computed yet; its job on /jobs says how far it is"
        )


@torch.no_grad()
def corpus_means(model: Transformer, windows: Int[Tensor, "window token"], *, batch: int = 32) -> Means:
    """Mean of every node over all tokens of `windows`, accumulated in float64."""
    sites = {*maskable_sites(model.config), FINAL}
    totals: dict[str, Tensor] = {}

    def add(site: str, x: Tensor) -> Tensor:
        if site in sites:
            total = x.double().sum(dim=(0, 1))
            totals[site] = totals[site] + total if site in totals else total
        return x

    for part in windows.split(batch):
        model(part.to(model.device), tap=add, at=torch.zeros(len(part), dtype=torch.long, device=model.device))
    return {site: (total / windows.numel()).float() for site, total in totals.items()}


def save_means(means: Means, path: Path) -> None:
    save_file({site: mean.cpu().contiguous() for site, mean in means.items()}, path)


def load_means(path: Path, config: ModelConfig, device: torch.device | str = "cpu") -> Means:
    """Means of every maskable site, and of `final_resid` where they are there; CheckpointError where one is missing or
    of the wrong width."""
    try:
        means = load_file(path, device=str(device))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {type(error).__name__}") from None
    widths = {site: site_width(config, site) for site in maskable_sites(config)}
    if FINAL in means:
        widths[FINAL] = config.d_model
    for site, width in widths.items():
        if site not in means or means[site].shape != (width,):
            raise CheckpointError(f"{path.name} has no mean of width {width} for {site}")
        if not bool(means[site].isfinite().all()):
            raise CheckpointError(f"{path.name}: the mean of {site} holds entries that are not finite numbers")
    return means
