"""Sparsescope in a notebook or a script: `import sparsescope as ss`, then `ss.load("ID")` and what else is below."""

from app.api import Ablation, Circuit, ablate, circuits, figure, load, prune

__all__ = ["Ablation", "Circuit", "ablate", "circuits", "figure", "load", "prune"]
