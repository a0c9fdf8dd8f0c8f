"""What stands around a question: lines like the corpus's, of names that are one token each."""

from random import Random

from model.corpus.names import CURRENT, PLURALS, VERBS, split
from model.corpus.scope import Lines, Scope
from model.corpus.statements import line
from model.corpus.strings import word

# Names of the corpus that are one token, at the start of a line as well as after a space.
NAMES = split(
    "x y z a b c d e i j k m n p q r s t u v w name item count total result data text line word key value index "
    "size length left right first last start end width price score user node path file order level code number "
    "color title message age date day time rate offset row column point child root target source label type "
    "option token char letter buffer output input config temp ready"
)
# Verbs of which the same holds, for functions.
ACTIONS = split("get set read count start test")
LONGEST_LINE = 34


class Setting(Scope):
    """A scope of the corpus whose variables are all one token, so that either may take the other's place."""

    def __init__(self, rng: Random):
        super().__init__(rng)
        self.names = rng.sample(NAMES, 16)
        self.plurals = rng.sample([name for name in PLURALS if name not in NAMES], 3)
        self.verbs = rng.sample(VERBS, 4)
        self.without(CURRENT)

    def take(self) -> str:
        """A name that nothing else in the prompt speaks of from here on."""
        return self.names.pop(int(self.rng.random() * len(self.names)))

    def line(self) -> str:
        """One statement of the corpus on one short line."""
        while True:
            lines = line(self)
            if len(lines) == 1 and len(lines[0]) <= LONGEST_LINE:
                return lines[0]

    def lines(self, most: int, least: int = 0) -> Lines:
        return [self.line() for _ in range(self.rng.randint(least, most))]

    def key(self) -> str:
        """A word or letter between quotes."""
        return word(self)

    def mark(self) -> str:
        return self.pick("\"'")


def text(*lines: str) -> str:
    return "\n".join(lines)
