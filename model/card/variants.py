"""Prompts unlike those a circuit was found on, made from a task's own so that the right answers stay right.

1. Real text before the prompt: whole lines of held-out code that leave nothing open; for brackets, a balanced word.
2. Other names: each name becomes a word that the task never uses, the same in prompts and answers. A word in which
   the two prompts differ stays, for it may decide the answer; unless it is itself an answer, to be copied.
3. Other words in strings: the same for what stands within quotes.
"""

import builtins
import difflib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from model.batch import PairBatch, encode_pairs
from model.corpus.dyck.words import balanced
from model.errors import InputError
from model.reading import KEYWORDS, places
from model.subject import Subject
from model.tasks.pair import PromptPair

#: Names that mean something of themselves: to rename them would change the program.
FIXED = KEYWORDS | set(dir(builtins)) | {"self", "cls", "f", "r", "w", "main", "json", "math", "os", "sys", "re"}
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True)
class Variant:
    """Pairs of a kind that the task does not make. `why_none` says why there are none, else it is empty."""

    name: str
    words: str
    pairs: tuple[PromptPair, ...]
    why_none: str = ""


def variants(
    subject: Subject, pairs: Sequence[PromptPair], documents: Sequence[str], *, seed: int = 0
) -> Iterator[Variant]:
    """Every variant of these pairs that there is for what the model reads; pairs that do not fit are left out."""
    rng = random.Random(seed)
    block = subject.config.block_size
    if subject.language == "dyck":
        for name, n_pairs in (("text_before", 4), ("long_text_before", block // 4)):
            words = f"a closed word of {n_pairs} bracket pairs before the prompt"
            yield _made(subject, name, words, pairs, partial(_behind_a_word, n_pairs=n_pairs, rng=rng))
        return
    lines = closed_stretches(documents, rng)
    for name, share, words in (
        ("text_before", 0.5, "real held-out code before the prompt, up to half of the context"),
        ("long_text_before", 0.9, "real held-out code before the prompt, up to 90% of the context"),
    ):
        if not lines:
            yield Variant(name, words, (), "there is no held-out text")
            continue
        yield _made(subject, name, words, pairs, partial(filled, subject, stretches=lines, rng=rng, share=share))
    text = "\n".join(prompt for pair in pairs for prompt in pair.prompts)
    fresh = strange_words(subject, text)
    yield _made(
        subject, "other_names", "every name that does not decide the answer replaced by a word the task never uses",
        pairs, lambda pair: renamed(pair, fresh, rng, in_strings=False),
    )  # fmt: skip
    yield _made(
        subject, "other_strings", "every word within quotes that does not decide the answer replaced likewise",
        pairs, lambda pair: renamed(pair, fresh, rng, in_strings=True),
    )  # fmt: skip


def _made(
    subject: Subject,
    name: str,
    words: str,
    pairs: Sequence[PromptPair],
    make: Callable[[PromptPair], PromptPair | None],
) -> Variant:
    made = [new for pair in pairs if (new := make(pair)) is not None and new != pair and fits(subject, new)]
    why = (
        "" if made else f"none of {len(pairs)} pairs can be changed so and fit into {subject.config.block_size} tokens"
    )
    return Variant(name, words, tuple(made), why)


def fits(subject: Subject, pair: PromptPair) -> bool:
    """Whether the model can be asked this pair."""
    try:
        encode_pairs([pair], subject.tokenizer, subject.config.block_size)
    except InputError:
        return False
    return True


def encoded(subject: Subject, variant: Variant) -> PairBatch:
    return encode_pairs(variant.pairs, subject.tokenizer, subject.config.block_size, subject.device)


# -- text before -----------------------------------------------------------------------------


def _behind_a_word(pair: PromptPair, n_pairs: int, rng: random.Random) -> PromptPair:
    return before(pair, balanced(rng, n_pairs))


def before(pair: PromptPair, text: str) -> PromptPair:
    first, second = pair.prompts
    return PromptPair((text + first, text + second), pair.answers)


def closed_stretches(documents: Sequence[str], rng: random.Random) -> list[str]:
    """Runs of whole lines at no indentation that leave no string or bracket open, in a shuffled order."""
    found = []
    for document in documents:
        stretch: list[str] = []
        for line in document.split("\n"):
            begins = bool(line) and not line[0].isspace()
            if begins and stretch and _leaves_nothing_open("\n".join(stretch) + "\n"):
                found.append("\n".join(stretch).strip("\n") + "\n")
                stretch = []
            stretch.append(line)
    found = [text for text in dict.fromkeys(found) if 8 < len(text) < 400]
    rng.shuffle(found)
    return found


def _leaves_nothing_open(text: str) -> bool:
    place = places([text])[-1]
    return not place.quote_open and not place.brackets


def filled(
    subject: Subject, pair: PromptPair, stretches: Sequence[str], rng: random.Random, share: float
) -> PromptPair | None:
    """The pair behind as many stretches as fill `share` of the context together with it; None where not one fits."""
    room = int(share * subject.config.block_size)
    longest = max(len(subject.tokenizer.encode(prompt)) for prompt in pair.prompts)
    text = ""
    for _ in range(40):
        more = text + stretches[int(rng.random() * len(stretches))]
        if len(subject.tokenizer.encode(more)) + longest <= room:
            text = more
    return before(pair, text) if text else None


# -- other words -----------------------------------------------------------------------------


def strange_words(subject: Subject, text: str) -> list[str]:
    """Words of one token, with a space before as well as without, that `text` never has."""
    used = set(re.findall(r"[A-Za-z_]+", text))
    tokens = {subject.tokenizer.token_text(token) for token in range(subject.tokenizer.vocab_size)}
    words = {token for token in tokens if token.isascii() and token.isalpha() and token.islower() and len(token) > 2}
    return sorted(word for word in words if f" {word}" in tokens and word not in used and word not in FIXED)


def renamed(pair: PromptPair, fresh: Sequence[str], rng: random.Random, *, in_strings: bool) -> PromptPair | None:
    """Its names, or the words in its strings, by others; None where there is nothing to replace or too few words."""
    first, second = (list(_words(prompt, in_strings)) for prompt in pair.prompts)
    stay = _differing(first, second) - {answer.strip() for answer in pair.answers}
    words = [word for word in dict.fromkeys(first) if word not in stay]
    if not words or len(words) > len(fresh):
        return None
    new = dict(zip(words, rng.sample(list(fresh), len(words)), strict=True))

    def swap(text: str) -> str:
        return "".join(
            _NAME.sub(lambda m: new.get(m[0], m[0]), part) if inside == in_strings else part
            for part, inside in _parts(text)
        )

    prompts = swap(pair.prompts[0]), swap(pair.prompts[1])
    if in_strings:
        return PromptPair(prompts, pair.answers)
    answers = [_NAME.sub(lambda m: new.get(m[0], m[0]), answer) for answer in pair.answers]
    return PromptPair(prompts, (answers[0], answers[1]))


def _differing(first: Sequence[str], second: Sequence[str]) -> set[str]:
    """The words at places where two rows of words differ."""
    moves = difflib.SequenceMatcher(a=first, b=second, autojunk=False).get_opcodes()
    return {
        word for kind, a, b, c, d in moves if kind != "equal" for word in (*first[a:b], *second[c:d])
    }  # fmt: skip


def _words(text: str, in_strings: bool) -> Iterator[str]:
    for part, inside in _parts(text):
        if inside == in_strings:
            yield from (word for word in _NAME.findall(part) if word not in FIXED and not word.startswith("__"))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text cut at the marks of its strings: each part, and whether it stands within one."""
    part, inside = "", False
    for place in places(list(text)):
        now = bool(place.quote_open)
        if now != inside:
            yield part, inside
            part, inside = "", now
        part += place.token
    yield part, inside
