"""A vocabulary without text: token 17 is written ⟨17⟩, so that a model can be looked at without a tokeniser."""

import json
import re

from model.errors import InputError
from model.tokenizer import Tokenizer

_ID = re.compile(r"⟨(\d{1,7})⟩")


class TokenIds(Tokenizer):
    """Text is ids between angle brackets, `⟨5⟩⟨17⟩`, and nothing else; id 0 stands between documents."""

    def __init__(self, n_tokens: int) -> None:
        self.n_tokens = n_tokens

    def to_json(self) -> str:
        return json.dumps({"token_ids": self.n_tokens})

    @property
    def vocab_size(self) -> int:
        return self.n_tokens

    @property
    def separator(self) -> int:
        return 0

    def encode(self, text: str) -> list[int]:
        rest = _ID.sub("", text)
        if rest:
            raise InputError(f"this model has no tokeniser, so text is token ids like ⟨5⟩⟨17⟩; {rest[:20]!r} is none")
        ids = [int(found) for found in _ID.findall(text)]
        beyond = [token for token in ids if token >= self.n_tokens]
        if beyond:
            raise InputError(f"no token {beyond[0]}; this model has 0 to {self.n_tokens - 1}")
        return ids

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        return [self.encode(text) for text in texts]

    def can_encode(self, text: str) -> bool:
        try:
            self.encode(text)
        except InputError:
            return False
        return True

    def decode(self, ids: list[int]) -> str:
        return "".join(map(self.token_text, ids))

    def token_text(self, token: int) -> str:
        if not 0 <= token < self.n_tokens:
            raise InputError(f"no token {token}; this model has 0 to {self.n_tokens - 1}")
        return f"⟨{token}⟩"
