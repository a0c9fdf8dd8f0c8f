"""A model's page: nonzeros by kind, channels at both ends against the weights themselves, and an honest card."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import torch
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import tiny
from app import cli
from app.main import create_app
from app.schemas import ChannelPage, ModelDetail
from app.settings import Settings
from model.checkpoint import load_model, save_model
from model.corpus import licences, realcode
from model.transformer import Transformer

HTML = {"accept": "text/html"}
CHANNELS = f"/models/{tiny.MODEL}/channels.json"


@pytest.fixture(scope="session")
def model(tiny_bundle: Path) -> Transformer:
    return load_model(tiny_bundle / "models" / tiny.MODEL)


def page(client: TestClient, query: str = "") -> ChannelPage:
    return ChannelPage.model_validate(client.get(f"{CHANNELS}{query}").json())


def detail(client: TestClient, name: str = tiny.MODEL) -> ModelDetail:
    return ModelDetail.model_validate(client.get(f"/models/{name}.json").json())


@pytest.fixture
def own(tmp_path: Path, tiny_bundle: Path) -> Iterator[tuple[Path, TestClient]]:
    """A copy of the tiny model that a test may change, before the app reads it."""
    folder = tmp_path / "data" / "models" / "mine"
    shutil.copytree(tiny_bundle / "models" / tiny.MODEL, folder)
    settings = Settings(data_dir=tmp_path / "data", bundle_dir=tmp_path / "none", device="cpu", worker=False)
    with TestClient(create_app(settings)) as client:
        yield folder, client


# -- weights ---------------------------------------------------------------------------------


def test_the_kinds_of_matrices_add_up(shared_client: TestClient) -> None:
    found = detail(shared_client)
    assert {k.kind: k.n_weights for k in found.matrices} == {
        "embedding": 600 * 16, "query": 2 * 256, "key": 2 * 256, "value": 2 * 256, "attention out": 2 * 256,
        "MLP in": 2 * 384, "MLP out": 2 * 384, "unembedding": 600 * 16,
    }  # fmt: skip
    assert sum(k.n_nonzero for k in found.matrices) == found.n_nonzero


def test_a_zeroed_matrix_is_counted_where_it_is(own: tuple[Path, TestClient], model: Transformer) -> None:
    folder, client = own
    changed = load_model(folder)
    changed.blocks[0].attn.c_attn.weight[16:32] = 0  # layer 0's keys
    save_model(changed, folder)
    kinds = {k.kind: k.n_nonzero for k in detail(client, "mine").matrices}
    assert (kinds["query"], kinds["key"], kinds["value"]) == (512, 256, 512)


def test_channels_are_those_of_the_weights(shared_client: TestClient, model: Transformer) -> None:
    found = page(shared_client, "?limit=200")
    norms = model.wte.weight[:600].norm(dim=0)
    assert found.n_channels == found.n_found == len(found.channels) == 16
    assert [c.channel for c in found.channels] == torch.argsort(norms, descending=True).tolist()
    channel = found.channels[3]
    embed = model.wte.weight[:, channel.channel]
    assert channel.embed.norm == pytest.approx(float(norms[channel.channel]), rel=1e-5)
    assert channel.embed.positive[0].weight == pytest.approx(float(embed.max()))
    assert channel.embed.negative[0].weight == pytest.approx(float(embed.min()))
    assert [w.weight for w in channel.embed.negative] == sorted(w.weight for w in channel.embed.negative)


def test_the_gain_of_the_final_norm_is_in_what_a_channel_adds_to_logits(own: tuple[Path, TestClient]) -> None:
    folder, client = own
    changed = load_model(folder)
    changed.ln_f.weight[5] = -2.0
    changed.lm_head.weight[:, 5] = 0
    changed.lm_head.weight[40, 5] = 0.75
    save_model(changed, folder)
    found = ChannelPage.model_validate(client.get("/models/mine/channels.json?search=c5").json())
    (channel,) = found.channels
    assert channel.unembed.n_nonzero == 1 and channel.unembed.norm == 1.5
    assert channel.unembed.positive == [] and [w.weight for w in channel.unembed.negative] == [-1.5]


def test_channels_are_paged_sorted_and_searched(own: tuple[Path, TestClient]) -> None:
    folder, client = own
    changed = load_model(folder)
    changed.wte.weight[0], changed.lm_head.weight[0] = 0, 0
    changed.wte.weight[0, 7] = 0.5  # the separator writes channel 7 alone
    save_model(changed, folder)

    def ask(query: str) -> ChannelPage:
        return ChannelPage.model_validate(client.get(f"/models/mine/channels.json{query}").json())

    whole = [c.channel for c in ask("?limit=16&sort=unembed_norm").channels]
    parts = [[c.channel for c in ask(f"?limit=6&sort=unembed_norm&offset={i}").channels] for i in (0, 6, 12)]
    assert sum(parts, []) == whole and len(parts[2]) == 4
    assert [c.channel for c in ask("?sort=channel&limit=3").channels] == [0, 1, 2]
    for no_number in ("\N{SUPERSCRIPT THREE}", "c\N{SUPERSCRIPT THREE}", "7" * 40):
        assert ask(f"?search={no_number}").channels == []
    found = ask("?search=<|endoftext|>")
    assert [c.channel for c in found.channels] == [7] and found.tokens_found == ["<|endoftext|>"]
    assert found.channels[0].matches[0].embed == 0.5 and found.channels[0].matches[0].unembed == 0
    assert ask("?search=no token has this text").n_found == 0


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?sort=size", "sort is 'size'; it must be 'channel', 'embed_norm'"),
        ("?limit=0", "limit is '0'; it must be at least 1"),
        ("?offset=-1", "offset is '-1'; it must be at least 0"),
    ],
)
def test_a_bad_question_about_channels_is_refused(shared_client: TestClient, query: str, says: str) -> None:
    answer = shared_client.get(f"{CHANNELS}{query}")
    assert answer.status_code == 422 and says in answer.json()["error"]["message"]


def test_the_page_shows_what_the_twin_holds(shared_client: TestClient) -> None:
    text = shared_client.get(f"/models/{tiny.MODEL}?sort=channel&offset=4&limit=2", headers=HTML).text
    table = text.split('data-testid="channels"')[1].split("</table>")[0]
    assert table.count('scope="row"') == 2 and ">c4<" in table and ">c5<" in table
    assert "5 to 6 shown" in text and "offset=2#channels" in text and "offset=6#channels" in text


# -- the card --------------------------------------------------------------------------------


def test_a_card_tells_compute_losses_and_failures(own: tuple[Path, TestClient]) -> None:
    folder, client = own
    point = {
        "step": 9, "tokens": 900, "train_loss_nats": 2.0, "val_generated_nats": 1.0, "val_real_nats": 3.0,
        "density": 0.5, "n_nonzero": 7, "elapsed_s": 7200,
    }  # fmt: skip
    training = {"n_tokens": 900, "real_fraction": 0.25, "device": "cpu", "elapsed_s": 7200, "seed": 4}
    (folder / "training.json").write_text(json.dumps({"training": training, "curve": [point]}))
    card = json.loads((folder / "card.json").read_text())
    told = {"known_failures": ["It cannot count past three."], "role": "seed", "family": "tiny"}
    (folder / "card.json").write_text(json.dumps({**card, **told}))
    found = detail(client, "mine")
    assert (found.losses.generated, found.losses.real, found.losses.mixed) == (1.0, 3.0, 2.0)
    assert found.role == "seed" and found.family == "tiny" and found.seed == 4
    assert found.card.compute.flops == 6 * found.n_weights * 900 and found.card.compute.hours == 2
    assert [f.task for f in found.card.known_failures] == [tiny.TASK, None]
    assert found.card.known_failures[0].sentence == "Closing quote: 0.700 nats, 70% right, no better than guessing"
    text = client.get("/models/mine", headers=HTML).text
    assert "It cannot count past three." in text and "corpus.json" in text


def test_a_broken_loss_is_none(own: tuple[Path, TestClient]) -> None:
    folder, client = own
    record = '{"curve": [{"step": 1, "val_generated_nats": 1.5, "val_real_nats": NaN, "n_nonzero": 7}]}'
    (folder / "training.json").write_text(record)
    losses = detail(client, "mine").losses
    assert (losses.generated, losses.real, losses.mixed) == (1.5, None, None)
    assert client.get("/models/mine", headers=HTML).status_code == 200


def test_score_adds_the_corpus_with_its_licences(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bundle / "models" / tiny.MODEL, tmp_path / "data" / "models" / "mine")
    monkeypatch.setenv("SPARSESCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SPARSESCOPE_BUNDLE_DIR", str(tmp_path / "none"))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    counts = {"generated": {"train_tokens": 5, "val_tokens": 1}}
    about = {"vocab_size": 9, "counts": counts, "packages": [realcode.pins()[0], "gone==1.0"]}
    (corpus / "corpus.json").write_text(json.dumps(about))
    result = CliRunner().invoke(cli.app, ["score", "mine", "--n-pairs", "4", "--corpus", str(corpus)])
    assert result.exit_code == 0, result.output
    settings = Settings(data_dir=tmp_path / "data", bundle_dir=tmp_path / "none", device="cpu", worker=False)
    with TestClient(create_app(settings)) as client:
        found = detail(client, "mine").card.corpus
        text = client.get("/models/mine", headers=HTML).text
    assert found is not None and found.vocab_size == 9 and found.parts[0].train_tokens == 5
    assert [(p.name, p.licence) for p in found.packages] == [
        ("the standard library", "PSF-2.0"), ("anyio", "MIT"), ("gone", "unknown"),
    ]  # fmt: skip
    assert "PSF-2.0" in text


# -- licences --------------------------------------------------------------------------------


def test_every_pinned_package_has_a_licence_and_the_list_of_pins_agrees() -> None:
    told = {}
    for line in realcode.PINS.read_text().splitlines():
        pin, _, comment = line.partition("#")
        told[pin.strip()] = comment.split(",")[0].strip()
    for package in licences.packages():
        assert package["licence"] == told[f"{package['name']}=={package['version']}"] != "unknown"


BSD2 = "Redistribution and use in source and binary forms, with or without modification, are permitted"
BSD3 = (
    f"{BSD2}\n* Neither the name of\n* the holder nor the names of its contributors may be used to endorse or promote"
)


@pytest.mark.parametrize(
    ("metadata", "files", "licence", "stated"),
    [
        ("License-Expression: MIT OR Apache-2.0", {}, "MIT OR Apache-2.0", "License-Expression"),
        ("License: Apache 2.0", {}, "Apache-2.0", "License"),
        ("Classifier: License :: OSI Approved :: MIT License", {}, "MIT", "classifier"),
        ("License: BSD", {"a-1.dist-info/LICENSE": BSD2}, "BSD-2-Clause", "licence file"),
        ("License: BSD", {"a-1.dist-info/licenses/COPYING.txt": BSD3}, "BSD-3-Clause", "licence file"),
        ("License: BSD", {"a.py": "# " + BSD3.replace("\n", "\n# ")}, "BSD-3-Clause", "head of its source files"),
        ("License: BSD", {"a.py": "x = 1"}, "unknown", "nowhere"),
        ("License: ask me", {"b/LICENSE": BSD3}, "unknown", "nowhere"),
    ],
)
def test_a_licence_is_what_the_wheel_says(
    tmp_path: Path, metadata: str, files: dict[str, Any], licence: str, stated: str
) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("a-1.dist-info/METADATA", f"Name: a\n{metadata}\n")
        for name, text in files.items():
            archive.writestr(name, text)
    assert licences.licence_of(wheel) == {"licence": licence, "stated": stated}
