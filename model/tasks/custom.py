"""A user's own prompt pairs, read from the JSON form of AutoCircuit and checked token by token."""

import json
from typing import Any

from model.errors import InputError
from model.tasks.pair import PromptPair
from model.tokenizer import Tokenizer

KEYS = ("clean", "corrupt", "answers", "wrong_answers")


def read_pairs(text: str, tokenizer: Tokenizer, block_size: int) -> list[PromptPair]:
    """The pairs of `{"prompts": [{"clean", "corrupt", "answers", "wrong_answers"}]}`; other keys are passed over.

    `answers` holds the one token that is right after `clean`, `wrong_answers` the one that is right after `corrupt`.
    Raises InputError with one sentence about the first fault.
    """
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"the prompt pairs are not JSON: {error}") from error
    entries = content.get("prompts") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise InputError('the prompt pairs need the form {"prompts": [...]}, with a list of pairs')
    if not entries:
        raise InputError("the list of prompt pairs is empty; it needs at least one pair")
    return [pair_of(entry, f"pair {i}", tokenizer, block_size) for i, entry in enumerate(entries, start=1)]


def pair_of(entry: Any, where: str, tokenizer: Tokenizer, block_size: int) -> PromptPair:
    """One entry as a pair; `where` begins every sentence about it."""
    if not isinstance(entry, dict):
        raise InputError(f"{where} is not an object with the keys {', '.join(KEYS)}")
    missing = [key for key in KEYS if key not in entry]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}; it needs: {', '.join(KEYS)}")
    prompts = string_of(entry, "clean", where), string_of(entry, "corrupt", where)
    answers = only_answer(entry, "answers", where), only_answer(entry, "wrong_answers", where)
    if prompts[0] == prompts[1]:
        raise InputError(f"{where} has the same prompt twice: {prompts[0]!r}")
    if answers[0] == answers[1]:
        raise InputError(f"{where} has the same answer twice: {answers[0]!r}")
    for key, prompt in zip(KEYS, prompts, strict=False):
        tokens = tokenizer.encode(prompt)
        if len(tokens) > block_size:
            raise InputError(f"{where}: {key} has {len(tokens)} tokens, and the model reads at most {block_size}")
        for answer in answers:
            check_answer(answer, prompt, tokens, where, tokenizer)
    return PromptPair(prompts, answers)


def string_of(entry: dict[str, Any], key: str, where: str) -> str:
    return text_of(entry[key], f"{where}: {key}")


def only_answer(entry: dict[str, Any], key: str, where: str) -> str:
    """The one string of a list, or a string by itself."""
    found = entry[key]
    if isinstance(found, list):
        if len(found) != 1:
            raise InputError(f"{where}: {key} holds {len(found)} answers; it needs exactly one")
        found = found[0]
    return text_of(found, f"{where}: {key}")


def text_of(found: Any, what: str) -> str:
    if not isinstance(found, str):
        raise InputError(f"{what} is {json.dumps(found)[:40]}, not a text")
    if not found:
        raise InputError(f"{what} is empty")
    if any("\ud800" <= sign <= "\udfff" for sign in found):
        raise InputError(f"{what} holds half a surrogate pair, which is no text")
    return found


def check_answer(answer: str, prompt: str, tokens: list[int], where: str, tokenizer: Tokenizer) -> None:
    """One token by itself, and still that token when it stands after the prompt."""
    try:
        token = tokenizer.token_id(answer)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    if tokenizer.encode(prompt + answer) != [*tokens, token]:
        raise InputError(
            f"{where}: {answer!r} is no token of its own after {prompt[-20:]!r}; it joins what precedes it"
        )
