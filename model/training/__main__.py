"""The training command: `python -m model.training NAME --corpus FOLDER --out FOLDER`; run it again to resume."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import torch
import typer
from tqdm import tqdm

from model.checkpoint import fingerprint, save_model
from model.config import ModelConfig
from model.corpus.licences import write_corpus_record
from model.device import choose_device
from model.means import corpus_means, save_means
from model.tokenizer import Tokenizer
from model.training.loop import Run, TrainSettings, train
from model.training.sparsity import count_nonzero
from model.training.windows import Corpus


def write_folder(run: Run, corpus: Corpus, tokenizer: Tokenizer, folder: Path) -> None:
    """The trained model as others load it: weights, config, tokeniser, means, training curve."""
    model = run.model
    model.bigram_table.data = model.bigram_table.data.half().float()  # stored in half precision, so run in it
    save_model(model, folder)
    tokenizer.save(folder)
    windows = corpus.draw(512, run.config.block_size, seed=10**6 + 1, step=0)
    save_means(corpus_means(model, windows), folder / "means.safetensors")
    n_nonzero, n_weights = count_nonzero(model)
    training = asdict(run.settings) | {
        "n_weights": n_weights, "n_nonzero": n_nonzero, "n_tokens": run.curve[-1]["tokens"],
        "elapsed_s": round(run.elapsed_s), "steps_run": run.step, "device": str(run.device),
    }  # fmt: skip
    record = {"fingerprint": fingerprint(model), "training": training, "curve": run.curve}
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n")


def main(
    out: Annotated[Path, typer.Argument(help="folder of the trained model; its checkpoint is in OUT/checkpoint.pt")],
    corpus: Annotated[Path, typer.Option(help="folder written by python -m model.corpus")] = Path(".cache/corpus"),
    n_steps: Annotated[int, typer.Option(help="optimiser steps")] = 8000,
    n_layer: int = 4,
    d_model: int = 256,
    d_mlp: Annotated[int, typer.Option(help="0 means 4 * d_model")] = 0,
    d_head: int = 32,
    block_size: int = 128,
    activation: Annotated[str, typer.Option(help="relu or gelu")] = "relu",
    sink: bool = True,
    d_pos_emb: Annotated[int, typer.Option(help="sinusoids of position given to every block, an even number")] = 0,
    afrac: Annotated[float, typer.Option(help="AbsTopK fraction at the eight locations; 1 is off")] = 1.0,
    density: Annotated[float, typer.Option(help="fraction of nonzero weights; 1 is dense")] = 0.03,
    first_density: Annotated[float, typer.Option(help="the density that the run starts at")] = 1.0,
    anneal_stop: Annotated[float, typer.Option(help="fraction of the run at which the density is reached")] = 0.5,
    min_per_unit: Annotated[int, typer.Option(help="nonzeros kept for every neuron and attention channel")] = 0,
    learning_rate: float = 6e-2,
    weight_decay: float = 0.1,
    batch_windows: int = 16,
    real_fraction: float = 0.5,
    seed: int = 0,
    bf16: Annotated[bool, typer.Option(help="products in bfloat16, where the device is quicker at them")] = True,
    device: str = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch")] = 0,
    save_every: int = 500,
    keep_at: Annotated[int, typer.Option(help="also keep the checkpoint of this step, OUT/checkpoint-STEP.pt")] = 0,
    start_from: Annotated[
        Path | None, typer.Option(help="a model folder, or a checkpoint of another run, to take weights from")
    ] = None,
) -> None:
    """Train a weight-sparse transformer on a built corpus (paper A.1, A.2). Run again, it resumes."""
    if threads:
        torch.set_num_threads(threads)
    tokenizer = Tokenizer.load(corpus / "tokenizer")
    config = ModelConfig(
        n_layer=n_layer, d_model=d_model, d_mlp=d_mlp or 4 * d_model, n_head=d_model // d_head, d_head=d_head,
        vocab_size=tokenizer.vocab_size, block_size=block_size, activation_type=cast(Any, activation), sink=sink,
        afrac=None if afrac == 1 else afrac,
        afrac_loctypes=() if afrac == 1 else (
            "attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out"),
        enable_bigram_table=True, add_positions=False,
        d_pos_emb=d_pos_emb or None, sinusoidal_cat_pos_emb=d_pos_emb > 0,
    )  # fmt: skip
    settings = TrainSettings(
        n_steps=n_steps, batch_windows=batch_windows, density=density, first_density=first_density,
        anneal_stop=anneal_stop, min_per_unit=min_per_unit, learning_rate=learning_rate,
        weight_decay=weight_decay, real_fraction=real_fraction, seed=seed, bf16=bf16,
    )  # fmt: skip
    run = Run(config, settings, choose_device(device))
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        run.resume(checkpoint)
        typer.echo(f"resumed at step {run.step}")
    elif start_from is not None:
        run.start_from(start_from)
    train_corpus = Corpus.open(corpus, "train", real_fraction)
    val_generated = Corpus.open(corpus, "val", 0.0)
    val_real = Corpus.open(corpus, "val", 1.0) if Corpus.has_real(corpus) else None
    bar = tqdm(total=n_steps, initial=run.step, unit="step", smoothing=0.05)

    def on_step(step: int, loss: float) -> None:
        bar.update()
        bar.set_postfix(nats=f"{loss:.3f}", density=f"{run.density():.3f}", refresh=False)
        if step % save_every == 0:
            run.save(checkpoint)
        if step == keep_at:
            run.save(out / f"checkpoint-{step}.pt")

    for point in train(run, train_corpus, val_generated, val_real, on_step=on_step):
        real = "" if point.val_real_nats is None else f", real {point.val_real_nats:.3f}"
        bar.write(
            f"step {point.step}: train {point.train_loss_nats:.3f}, held-out generated "
            f"{point.val_generated_nats:.3f}{real} nats; {point.n_nonzero} nonzero"
        )
    run.save(checkpoint)
    write_folder(run, Corpus.open(corpus, "val", real_fraction), tokenizer, out)
    write_corpus_record(corpus, out)
    typer.echo(f"wrote {out}")


if __name__ == "__main__":
    typer.run(main)
