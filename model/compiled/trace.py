"""A run of a compiled circuit as it went, from which runs that differ only later go on."""

from model.compiled.nodes import Values

#: A run is remembered before every block, or before every second, fourth, ... one where all would take more bytes.
MOST_BYTES = 2**27


class Trace:
    """The written channels before the blocks of a circuit, by the block's number; after the last under one more."""

    def __init__(self, n_blocks: int) -> None:
        self._n_blocks = n_blocks
        self._known: dict[int, Values] = {}

    def note(self, number: int, x: Values) -> None:
        every = 1
        while x.numel() * x.element_size() * self._n_blocks // every > MOST_BYTES and every < self._n_blocks:
            every *= 2
        if number and number % every == 0:
            self._known[number] = x

    def before(self, number: int) -> tuple[int, Values | None]:
        """The last block up to `number` that a run can begin with, and the stream there; the first with None."""
        reached = max((known for known in self._known if known <= number), default=0)
        return reached, self._known.get(reached)
