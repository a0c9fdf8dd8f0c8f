"""Models as the home page lists them: those made to be compared together, repeats of one model in one line."""

from collections.abc import Sequence
from typing import NamedTuple

from app.schemas import ModelSummary

ROLES = ("best", "sparser", "denser", "dense_twin", None, "seed", "dyck")
REPEATS = ("seed", "dyck")


class ModelGroup(NamedTuple):
    """`repeats` differ in their seed, or in little else, and are told in one line."""

    family: str | None
    models: list[ModelSummary]
    repeats: list[ModelSummary]


def model_groups(models: Sequence[ModelSummary]) -> list[ModelGroup]:
    """By family, the one with the best model first; models of no family are one group, in the order given."""
    families = list(dict.fromkeys(model.family for model in models))
    groups = []
    for family in families:
        members = sorted((m for m in models if m.family == family), key=lambda m: (ROLES.index(m.role), m.name))
        repeats = [m for m in members if m.role in REPEATS]
        if len(repeats) < 2:
            repeats = []
        groups.append(ModelGroup(family, [m for m in members if m not in repeats], repeats))
    return sorted(groups, key=lambda group: ROLES.index((group.models or group.repeats)[0].role))
