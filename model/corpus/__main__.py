"""The command that writes the corpus: `python -m model.corpus --out .cache/corpus`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from model.corpus.tokens import build


class Bars:
    """One progress bar a part, made when the part is first heard of."""

    def __init__(self) -> None:
        self._bars: dict[str, tqdm] = {}

    def __call__(self, part: str, done: int, total: int) -> None:
        if part not in self._bars:
            self._bars[part] = tqdm(desc=part, total=total or None, unit_scale=True, mininterval=2)
        bar = self._bars[part]
        bar.update(done - bar.n)
        if total and done >= total:
            bar.close()


def main(
    out: Annotated[Path, typer.Option(help="Where the token files go; wheels are kept in its `packages`.")] = Path(
        ".cache/corpus"
    ),
    generated_tokens: Annotated[int, typer.Option(help="Generated tokens to train on.")] = 30_000_000,
    vocab_size: Annotated[int, typer.Option(help="Tokens in the vocabulary, bytes and separator included.")] = 1024,
    real_fraction: Annotated[float, typer.Option(help="Share of real code that the tokeniser is trained on.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Decides every generated program.")] = 0,
) -> None:
    about = build(
        out,
        n_generated_tokens=generated_tokens,
        real_fraction=real_fraction,
        vocab_size=vocab_size,
        seed=seed,
        on_progress=Bars(),
    )
    print(json.dumps(about["counts"], indent=2))


if __name__ == "__main__":
    typer.run(main)
