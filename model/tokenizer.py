"""How text becomes tokens and back: byte-level BPE over pieces cut so that Python's signs stay whole."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Bpe

from model.errors import InputError

SEPARATOR = "<|endoftext|>"

# One alternative a line, first match wins; merges never cross from one piece to the next. A piece may carry
# one space before it. `")` is a whole piece, so that nothing joins it, and `:` never joins a newline.
PIECES = (
    r"\n *",  # a newline and all of its indentation
    r" +(?= )",  # spaces that align, but for the last
    r" ?__[a-z]+__",
    r" ?[fF]['\"](?!['\"])",  # what opens an f-string
    r"\.[A-Za-z]+",  # `.add`
    r"\\[nrt'\"\\]",  # an escape within a string
    r" ?_*[A-Za-z]+",
    r" ?[0-9]",
    r"=None(?![A-Za-z0-9_])",
    r"\(['\"]",
    r"['\"]\)",
    r" ?(?:\"\"\"|'''|\"\"|''|\"|')",
    r"\(\)",
    r"\):",
    r"\]\]",
    r"\],",
    r"#{2,}|-{3,}|={3,}|\*{3,}|\.{3}",
    r" ?(?:\*\*|//|<<|>>|[-+*/%&|^<>=!:]=|->|[-+*/%&|^<>=])",
    r" ?[\[\](){},:;.@#!?~$\\`]",
    r"_+|[^\S\n]+|[^\x00-\x7f]+|[\x00-\x1f\x7f]",
)

# The cut of the released models' tokeniser, whose two files do not hold it.
RELEASE_PIECES = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


class Tokenizer:
    """Ids of text and text of ids. The separator stands between documents and never inside one."""

    def __init__(self, bpe: Bpe):
        self._bpe = bpe
        self._bytes_of_sign = {sign: byte for byte, sign in signs_of_bytes().items()}
        vocab = bpe.get_vocab()
        self._texts: dict[int, str] = {}
        self._missing = {byte for sign, byte in self._bytes_of_sign.items() if sign not in vocab}

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Tokenizer":
        """The separator is id 0, the 256 bytes come next, the merges after them."""
        bpe = assemble(models.BPE(), "|".join(PIECES))
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[SEPARATOR],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        bpe.train_from_iterator(texts, trainer)
        return cls(bpe)

    @classmethod
    def of_signs(cls, signs: str) -> "Tokenizer":
        """One token a sign and no others: the separator is id 0, then the signs in their order."""
        vocab = {text: token for token, text in enumerate([SEPARATOR, *signs])}
        bpe = assemble(models.BPE(vocab=vocab, merges=[]), "[^\\n]|\\n")
        bpe.add_special_tokens([SEPARATOR])
        return cls(bpe)

    @classmethod
    def load(cls, folder: Path | str) -> "Tokenizer":
        """From `tokenizer.json`, or from a release's `encoder.json` and `vocab.bpe`."""
        folder = Path(folder)
        ours, ids, merges = folder / "tokenizer.json", folder / "encoder.json", folder / "vocab.bpe"
        if ours.exists():
            return cls(Bpe.from_file(str(ours)))
        if not (ids.exists() and merges.exists()):
            raise FileNotFoundError(f"no tokeniser in {folder}; it needs tokenizer.json, or encoder.json and vocab.bpe")
        vocab = json.loads(ids.read_text())
        pairs = [tuple(line.split(" ")) for line in merges.read_text().splitlines() if not line.startswith("#version")]
        vocab.setdefault(SEPARATOR, len(vocab))
        bpe = assemble(models.BPE(vocab=vocab, merges=[pair for pair in pairs if len(pair) == 2]), RELEASE_PIECES)
        bpe.add_special_tokens([SEPARATOR])
        return cls(bpe)

    def save(self, folder: Path | str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "tokenizer.json").write_text(self.to_json())

    def to_json(self) -> str:
        """All that decides how text is cut, the same on every run: fit for a fingerprint."""
        return self._bpe.to_str()

    @property
    def vocab_size(self) -> int:
        return self._bpe.get_vocab_size()

    @property
    def separator(self) -> int:
        """The id between documents: 0 in our own models, the last one in the release's."""
        separator = self._bpe.token_to_id(SEPARATOR)
        assert separator is not None  # a tokeniser without one is refused when it is loaded
        return separator

    def encode(self, text: str) -> list[int]:
        self._check(text)
        return self._bpe.encode(text).ids

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        for text in texts:
            self._check(text)
        return [encoding.ids for encoding in self._bpe.encode_batch_fast(texts)]

    def can_encode(self, text: str) -> bool:
        """Whether there is a token for every byte; a tokeniser of few signs has none for most."""
        if not self._missing:
            return True
        return self._missing.isdisjoint(text.replace(SEPARATOR, "").encode(errors="replace"))

    def _check(self, text: str) -> None:
        """InputError for a sign that has no token; the library would drop it without a word."""
        if not self.can_encode(text):
            sign = next(sign for sign in text.replace(SEPARATOR, "") if not self.can_encode(sign))
            there_are = " ".join(self.token_text(token) for token in range(self.vocab_size))
            raise InputError(f"this tokeniser has no token for {sign!r}; it has {there_are}")

    def decode(self, ids: list[int]) -> str:
        return self._bpe.decode(ids, skip_special_tokens=False)

    def token_text(self, token: int) -> str:
        r"""The text of one token; a byte that is no text by itself is written `\xNN`."""
        text = self._texts.get(token)
        if text is None:
            self._texts[token] = text = self._text_of(token)
        return text

    def _text_of(self, token: int) -> str:
        signs = self._bpe.id_to_token(token)
        if signs is None:
            raise InputError(f"no token {token}; this tokeniser has 0 to {self.vocab_size - 1}")
        if signs == SEPARATOR:
            return signs
        return bytes(self._bytes_of_sign[sign] for sign in signs).decode("utf-8", errors="backslashreplace")

    def token_id(self, text: str) -> int:
        """The one token that `text` is."""
        ids = self.encode(text)
        if len(ids) != 1:
            parts = " + ".join(repr(self.token_text(token)) for token in ids) or "nothing"
            raise InputError(f"{text!r} is not one token here; it is {parts}")
        return ids[0]


def assemble(model: models.BPE, pattern: str) -> Bpe:
    bpe = Bpe(model)
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    return bpe


def signs_of_bytes() -> dict[int, str]:
    """GPT-2's printable sign for each byte: itself if it prints, else the next free one from U+0100."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
