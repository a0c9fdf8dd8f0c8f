"""What AbsTopK's contests ask of a model whatever the circuit: computed once a model and its means, then remembered."""

from collections.abc import Callable
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.compiled.topk import Settled
from model.means import Means
from model.nonzeros import held
from model.transformer import Transformer


class Tables:
    """Vectors and sorted lists by name; a name is computed when it is first asked for."""

    def __init__(self, means: Means) -> None:
        self.means = means  # held, so that what the stamp says of them stays true
        self._values: dict[str, Tensor] = {}
        self._sorted: dict[str, tuple[Tensor, Tensor]] = {}
        self._lock = Lock()

    def value(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        if name not in self._values:
            self._values[name] = compute()
        return self._values[name]

    def by_token(
        self,
        name: str,
        n_tokens: int,
        tokens: Int[Tensor, "prompt pos"],
        magnitudes: Callable[[Tensor], Float[Tensor, "token value"]],
    ) -> Settled:
        """Sorted magnitudes of each token, of which those not seen before are computed."""
        with self._lock:
            if name not in self._sorted:
                nothing = torch.full((n_tokens,), -1, device=tokens.device)
                self._sorted[name] = (nothing, magnitudes(tokens.flatten()[:0]))
            row_of, table = self._sorted[name]
            new = tokens[row_of[tokens] < 0].unique()
            if len(new):
                rows = torch.arange(len(table), len(table) + len(new), device=new.device)
                row_of, table = row_of.index_copy(0, new, rows), torch.cat([table, magnitudes(new).sort(dim=1).values])
                self._sorted[name] = (row_of, table)
        return Settled.sorted(table, row_of[tokens])


_TABLES: "WeakKeyDictionary[Transformer, tuple[object, Tables]]" = WeakKeyDictionary()


def tables_of(model: Transformer, means: Means) -> Tables:
    """The tables of a model as its weights are now."""
    stamp = (held(model), *((mean.data_ptr(), mean._version) for mean in means.values()))
    known = _TABLES.get(model)
    if known is None or known[0] != stamp:
        _TABLES[model] = known = (stamp, Tables(means))
    return known[1]
