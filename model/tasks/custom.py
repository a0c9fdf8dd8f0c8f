"""A user's own prompt pairs, read from the JSON form of AutoCircuit and checked token by token."""

import json
from typing import Any, NamedTuple

from model.errors import InputError
from model.tasks.pair import PromptPair
from model.tokenizer import Tokenizer

KEYS = ("clean", "corrupt", "answers", "wrong_answers")


class PairFaults(InputError):
    """What is wrong with prompt pairs: one sentence for each fault; the message is the first and counts the rest."""

    def __init__(self, faults: list[str]) -> None:
        n_more = len(faults) - 1
        super().__init__(faults[0] + (f" (and {n_more:,} more fault{'s' if n_more > 1 else ''})" if n_more else ""))
        self.faults = tuple(faults)


class Checked(NamedTuple):
    """The pairs without a fault, in their order, and a sentence for every fault of the others."""

    pairs: list[PromptPair]
    faults: list[str]


def read_pairs(text: str, tokenizer: Tokenizer, block_size: int) -> list[PromptPair]:
    """The pairs of `{"prompts": [{"clean", "corrupt", "answers", "wrong_answers"}]}`; other keys are passed over.

    `answers` holds the one token that is right after `clean`, `wrong_answers` the one that is right after `corrupt`.
    Raises PairFaults with a sentence for each fault of each pair.
    """
    checked = check_pairs(text, tokenizer, block_size)
    if checked.faults:
        raise PairFaults(checked.faults)
    return checked.pairs


def check_pairs(text: str, tokenizer: Tokenizer, block_size: int) -> Checked:
    """The same, without raising: what can be used, and all that is wrong."""
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        return Checked([], [f"the prompt pairs are not JSON: {error}"])
    entries = content.get("prompts") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return Checked([], ['the prompt pairs need the form {"prompts": [...]}, with a list of pairs'])
    if not entries:
        return Checked([], ["the list of prompt pairs is empty; it needs at least one pair"])
    checked = Checked([], [])
    for number, entry in enumerate(entries, start=1):
        faults: list[str] = []
        pair = pair_of(entry, f"pair {number}", tokenizer, block_size, faults)
        checked.faults.extend(faults)
        if pair is not None and not faults:
            checked.pairs.append(pair)
    return checked


def pair_of(entry: Any, where: str, tokenizer: Tokenizer, block_size: int, faults: list[str]) -> PromptPair | None:
    """One entry as a pair, None where a text of it is missing; adds to `faults`, each beginning with `where`."""
    if not isinstance(entry, dict):
        faults.append(f"{where} is not an object with the keys {', '.join(KEYS)}")
        return None
    missing = [key for key in KEYS if key not in entry]
    if missing:
        faults.append(f"{where} lacks {', '.join(missing)}; it needs: {', '.join(KEYS)}")
        return None
    clean, corrupt = (text_of(entry[key], f"{where}: {key}", faults) for key in KEYS[:2])
    right, wrong = (only_answer(entry[key], f"{where}: {key}", faults) for key in KEYS[2:])
    if clean is not None and clean == corrupt:
        faults.append(f"{where} has the same prompt twice: {clean!r}")
    if right is not None and right == wrong:
        faults.append(f"{where} has the same answer twice: {right!r}")
    answers = dict.fromkeys(text for text in (right, wrong) if text is not None)
    single = {text: one_token(text, where, tokenizer, faults) for text in answers}
    for key, prompt in (("clean", clean), ("corrupt", corrupt)):
        if prompt is None or (key == "corrupt" and prompt == clean):
            continue
        try:
            tokens = tokenizer.encode(prompt)
        except InputError as error:  # a small alphabet lacks a sign
            faults.append(f"{where}: {key} cannot be read: {error}")
            continue
        if len(tokens) > block_size:
            faults.append(f"{where}: {key} has {len(tokens)} tokens, and the model reads at most {block_size}")
        for answer, token in single.items():
            if token is not None and tokenizer.encode(prompt + answer) != [*tokens, token]:
                faults.append(
                    f"{where}: {answer!r} is no token of its own after {prompt[-20:]!r}; it joins what precedes it"
                )
    if clean is None or corrupt is None or right is None or wrong is None:
        return None
    return PromptPair((clean, corrupt), (right, wrong))


def only_answer(found: Any, what: str, faults: list[str]) -> str | None:
    """The one string of a list, or a string by itself."""
    if isinstance(found, list):
        if len(found) != 1:
            faults.append(f"{what} holds {len(found)} answers; it needs exactly one")
            return None
        found = found[0]
    return text_of(found, what, faults)


def text_of(found: Any, what: str, faults: list[str]) -> str | None:
    if not isinstance(found, str):
        faults.append(f"{what} is {json.dumps(found)[:40]}, not a text")
    elif not found:
        faults.append(f"{what} is empty")
    elif any("\ud800" <= sign <= "\udfff" for sign in found):
        faults.append(f"{what} holds half a surrogate pair, which is no text")
    else:
        return found
    return None


def one_token(answer: str, where: str, tokenizer: Tokenizer, faults: list[str]) -> int | None:
    """The token that an answer is by itself; a fault where it is none or several."""
    try:
        return tokenizer.token_id(answer)
    except InputError as error:
        faults.append(f"{where}: {error}")
        return None
