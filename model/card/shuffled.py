"""Two models of nothing to prune as the circuit was pruned: the weights shuffled, and the labels shuffled.

A method that finds as small a circuit there has found nothing in the model.
"""

import copy
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from model.batch import PairBatch
from model.checkpoint import fingerprint
from model.means import corpus_means
from model.subject import Subject


def shuffled_weights(subject: Subject, windows: Int[Tensor, "window token"], *, seed: int) -> Subject:
    """The model with the entries of each matrix permuted, its means taken anew over `windows`.

    Each matrix keeps its values and how many are zero; sparsity, norms, biases and fixed positions stay.
    """
    model = copy.deepcopy(subject.model)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim != 2 or (name.endswith("wpe.weight") and model.config.sinusoidal_cat_pos_emb):
            continue
        flat = parameter.data.flatten()
        parameter.data = flat[torch.randperm(len(flat), generator=generator).to(flat.device)].reshape(parameter.shape)
    return replace(
        subject,
        name=f"{subject.name}, weights shuffled",
        model=model,
        means={site: mean.to(subject.device) for site, mean in corpus_means(model, windows).items()},
        fingerprint=fingerprint(model),
    )


def shuffled_labels(batch: PairBatch, *, seed: int) -> PairBatch:
    """The same prompts; which of a pair's two answers counts as right is permuted over all prompts.

    Each answer stays right as often as it was, but nothing in a prompt decides which it is.
    """
    first = torch.arange(len(batch.tokens)) < batch.n_pairs  # whether class 1's answer is right
    now = first[torch.randperm(len(first), generator=torch.Generator().manual_seed(seed))].to(batch.candidates.device)
    swapped = now != first.to(now.device)
    return replace(batch, candidates=torch.where(swapped[:, None], batch.candidates.flip(1), batch.candidates))
