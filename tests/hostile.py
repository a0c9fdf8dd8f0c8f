"""Files made to do harm, by what is wrong with them: models as uploads, circuits as single files."""

import io
import json
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors

import tiny

DATA = Path(__file__).parent / "data" / "released" / "sparse_nosink"
CONFIG: dict[str, Any] = json.loads((DATA / "beeg_config.json").read_text())
WEIGHTS = (DATA / "final_model.pt").read_bytes()
GOOD = {"beeg_config.json": json.dumps(CONFIG).encode(), "final_model.pt": WEIGHTS}


class Evil:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return os.mkdir, (self.mark,)


def saved(value: Any) -> bytes:
    out = io.BytesIO()
    torch.save(value, out)
    return out.getvalue()


def state() -> dict[str, torch.Tensor]:
    return torch.load(io.BytesIO(WEIGHTS), weights_only=True)  # type: ignore[no-any-return]


def with_state(**changed: Any) -> bytes:
    """The good weights with some parameters others; None takes one out."""
    merged = state() | {name.replace("__", "."): value for name, value in changed.items()}
    return saved({name: value for name, value in merged.items() if value is not None})


def config(**changed: Any) -> bytes:
    return json.dumps({k: v for k, v in (CONFIG | changed).items() if v != "absent"}).encode()


def torch_zip(pickled: bytes, *, compression: int = zipfile.ZIP_STORED, storage: bytes = b"\0" * 64) -> bytes:
    """An archive in the form of torch.save with a pickle of one's own in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("final_model/data.pkl", pickled)
        archive.writestr("final_model/byteorder", b"little")
        archive.writestr("final_model/version", b"3\n")
        archive.writestr("final_model/data/0", storage)
    return out.getvalue()


def archive(files: dict[str, bytes], *, link: str = "", deflate: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            opened.writestr(entry, "/etc/passwd")
    return out.getvalue()


def lying(content: bytes, claimed: int) -> bytes:
    """An archive whose directory claims another unpacked size for its last entry."""
    at = content.rindex(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", claimed) + content[at + 28 :]


def deep(n: int) -> bytes:
    return b"[" * n + b"]" * n


def hostile_models(mark: Path) -> dict[str, dict[str, bytes]]:
    """Each is the files of an upload, by what is wrong with them."""
    name = next(iter(state()))
    first = state()[name]
    nan, infinite = first.clone(), first.clone()
    nan.view(-1)[0], infinite.view(-1)[3] = float("nan"), float("inf")
    wide = torch.zeros(1).as_strided((2**20, 64), (0, 0))
    folders: dict[str, dict[str, bytes]] = {
        "no file of a model": {"notes.txt": b"hello"},
        "config alone": {"beeg_config.json": GOOD["beeg_config.json"]},
        "weights alone": {"final_model.pt": WEIGHTS},
        "our config, released weights": {"config.json": GOOD["beeg_config.json"], "final_model.pt": WEIGHTS},
        "absolute name in upload": {"/etc/passwd": b"x"},
    }
    configs = {
        "config empty": b"",
        "config not JSON": b"{",
        "config a list": b"[]",
        "config null": b"null",
        "config deep": deep(100_000),
        "config NaN": b'{"n_layer": NaN}',
        "config not UTF-8": b"\xff\xfe\x00",
        "config huge number": b'{"n_layer": ' + b"9" * 5000 + b"}",
        "config key twice": b'{"n_layer": 1, "n_layer": 2}',
        "config without layers": config(n_layer="absent"),
        "config layers 0": config(n_layer=0),
        "config layers a million": config(n_layer=2**20),
        "config layers -1": config(n_layer=-1),
        "config layers text": config(n_layer="3; rm"),
        "config layers true": config(n_layer=True),
        "config layers 2.5": config(n_layer=2.5),
        "config width of 10 GB": config(d_model=2**20, vocab_size=2**20),
        "config context of a million": config(block_size=2**20),
        "config afrac 7": config(afrac=7),
        "config afrac text": config(afrac="all"),
        "config unknown place": config(afrac_loctypes="attn_in,/etc"),
        "config unknown option": config(exec="import os"),
        "config other activation": config(activation_type="exec"),
        "config residual activation": config(residual_activation_type="relu"),
        "config sink text": config(sink="yes"),
        "config another width": config(d_model=48),
        "config another layer": config(n_layer=3),
        "config another vocabulary": config(vocab_size=65),
        "config heads a list": config(n_head=[4]),
        "config sink without one": config(sink=True),
        "config tied": config(tied_unembed=True),
    }
    weights = {
        "weights empty": b"",
        "weights text": b"hello" * 100,
        "weights truncated": WEIGHTS[: len(WEIGHTS) // 2],
        "weights cut at the end": WEIGHTS[:-30],
        "weights cut at the start": WEIGHTS[100:],
        "weights a plain pickle": pickle.dumps({"a": 1}),
        "weights a pickle with code": pickle.dumps(Evil(mark)),
        "weights old form with code": b"\x80\x02" + pickle.dumps(Evil(mark), protocol=2),
        "weights torch pickle with code": torch_zip(pickle.dumps(Evil(mark), protocol=2)),
        "weights code beside tensors": torch_zip(pickle.dumps({name: Evil(mark)}, protocol=2)),
        "weights global eval": torch_zip(b"\x80\x02cbuiltins\neval\nX\x03\x00\x00\x001+1\x85R."),
        "weights global system": torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."),
        "weights no end of pickle": torch_zip(b"\x80\x02}q\x00"),
        "weights empty pickle": torch_zip(b""),
        "weights noise for pickle": torch_zip(bytes(range(256))),
        "weights a deep pickle": torch_zip(b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b"."),
        "weights packed": torch_zip(pickle.dumps({}), compression=zipfile.ZIP_DEFLATED),
        "weights a bomb": torch_zip(b".", compression=zipfile.ZIP_DEFLATED, storage=b"\0" * 20_000_000),
        "weights claiming 3 GB": lying(WEIGHTS, 3_000_000_000),
        "weights a zip of text": archive({"a.txt": b"a"}),
        "weights a list": saved([1, 2]),
        "weights a number": saved(3),
        "weights a tensor": saved(torch.zeros(3)),
        "weights numbers for names": saved({1: torch.zeros(1)}),
        "weights text for tensors": saved({name: "exec"}),
        "weights none at all": saved({}),
        "weights nested": saved({"model": state()}),
        "weights without one": with_state(**{name: None}),
        "weights with one more": with_state(extra=torch.zeros(1)),
        "weights NaN": with_state(**{name: nan}),
        "weights infinite": with_state(**{name: infinite}),
        "weights another shape": with_state(**{name: first[:-1]}),
        "weights flat": with_state(**{name: first.flatten()}),
        "weights a million rows of one number": with_state(**{name: wide}),
        "weights integers": with_state(**{name: first.long()}),
        "weights complex": with_state(**{name: first + 0j}),
        "weights sparse": with_state(**{name: first.to_sparse()}),
        "weights empty tensor": with_state(**{name: first[:0]}),
        "weights booleans": with_state(**{name: first > 0}),
        "weights on no device": with_state(**{name: first.to("meta")}),
    }
    folders |= {what: GOOD | {"beeg_config.json": content} for what, content in configs.items()}
    folders |= {what: GOOD | {"final_model.pt": content} for what, content in weights.items()}
    tokenizers = {
        "tokeniser not JSON": {"tokenizer.json": b"{"},
        "tokeniser a list": {"tokenizer.json": b"[]"},
        "tokeniser of another kind": {"tokenizer.json": b'{"model": {"type": "WordPiece"}}'},
        "tokeniser without words": {"tokenizer.json": b'{"model": {"type": "BPE"}}'},
        "tokeniser deep": {"tokenizer.json": deep(50_000)},
        "tokeniser half": {"encoder.json": b"{}"},
        "tokeniser of numbers": {"encoder.json": b'{"a": "b"}', "vocab.bpe": b""},
        "tokeniser too large": {
            "encoder.json": json.dumps({f"w{i}": i for i in range(500)}).encode(),
            "vocab.bpe": b"",
        },
        "tokeniser not UTF-8": {"encoder.json": b"{}", "vocab.bpe": b"\xff\xfe"},
        "means not tensors": {"means.safetensors": b"hello"},
        "means of another model": {"means.safetensors": save_tensors({"0.attn.q": torch.zeros(3)})},
        "means claiming 10 GB": {"means.safetensors": struct.pack("<Q", 10**10) + b"{}"},
    }
    folders |= {what: GOOD | more for what, more in tokenizers.items()}
    ours = {"config.json": json.dumps({"n_layer": 1}).encode(), "weights.safetensors": b"x"}
    folders["our form, half a config"] = ours
    whole = {name: value for name, value in tiny.CONFIG.to_dict().items()}
    tensors = {
        "header of 10 GB": struct.pack("<Q", 10**10) + b"{}",
        "header not JSON": struct.pack("<Q", 4) + b"oops",
        "offsets outside": struct.pack("<Q", 58) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,99999]}}',
        "index outside": save_tensors(
            {
                "transformer.wte.weight#index": torch.tensor([2**30], dtype=torch.int32),
                "transformer.wte.weight#value": torch.ones(1),
            }
        ),
        "index without values": save_tensors({"transformer.wte.weight#index": torch.zeros(1, dtype=torch.int32)}),
        "no tensors": save_tensors({"a": torch.zeros(1)}),
    }
    for what, content in tensors.items():
        folders[f"our form, {what}"] = {"config.json": json.dumps(whole).encode(), "weights.safetensors": content}
    zips = {
        "zip truncated": archive(GOOD)[:-40],
        "zip noise": b"PK\x03\x04" + b"\0" * 200,
        "zip empty": archive({}),
        "zip of nothing known": archive({"a.txt": b"a"}),
        "zip climbing": archive(GOOD | {"../../evil": b"x"}),
        "zip climbing with a known name": archive(GOOD | {"../final_model.pt": b"x"}),
        "zip absolute": archive(GOOD | {"/tmp/evil": b"x"}),
        "zip backslash": archive(GOOD | {"..\\evil": b"x"}),
        "zip drive": archive(GOOD | {"C:\\evil": b"x"}),
        "zip with a link": archive(GOOD, link="final.lnk"),
        "zip whose weights are a link": archive({"beeg_config.json": GOOD["beeg_config.json"]}, link="final_model.pt"),
        "zip of two models": archive({f"{top}/{name}": data for top in "ab" for name, data in GOOD.items()}),
        "zip bomb": archive({"beeg_config.json": b" " * 60_000_000}, deflate=True),
        "zip larger than allowed": archive(GOOD | {"means.safetensors": os.urandom(3_000_000)}),
        "zip lying about its size": lying(archive(GOOD), 10),
        "zip claiming 4 GB": lying(archive(GOOD), 2**32 - 2),
        "zip of ten thousand files": archive({f"f{i}": b"" for i in range(10_001)}),
        "zip with a pickle of code": archive(GOOD | {"final_model.pt": torch_zip(pickle.dumps(Evil(mark), 2))}),
        "zip in a zip": archive({"model.zip": archive(GOOD)}),
        "zip of a bad config": archive(GOOD | {"beeg_config.json": b"["}),
    }
    folders |= {what: {f"{what[:12]}.zip": content} for what, content in zips.items()}
    return folders


def hostile_circuits(mark: Path, own: dict[str, Any], theirs: dict[str, Any]) -> dict[str, bytes]:
    def changed(**values: Any) -> bytes:
        return json.dumps(own | values).encode()

    def replaced(**values: Any) -> bytes:
        return json.dumps(theirs | values).encode()

    node, edge = own["nodes"][0], theirs["nodes"][0]
    viz = torch.load(DATA / "viz_data.pt", weights_only=True)

    def released(*path: str, value: Any) -> bytes:
        copy = viz | {"circuit_data": dict(viz["circuit_data"]), "importances": dict(viz["importances"])}
        inner = copy
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return saved(copy)

    tokens = viz["importances"]["task_samples"][0]
    return {
        "empty": b"",
        "text": b"hello",
        "not UTF-8": b"\xff\xfe{",
        "a number": b"3",
        "a list": b"[]",
        "null": b"null",
        "deep": deep(200_000),
        "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        "infinite": b'{"a": Infinity}',
        "NaN": b'{"nodes": [NaN]}',
        "long number": b'{"nodes": ' + b"1" * 10_000 + b"}",
        "unknown": b'{"a": 1}',
        "key twice": b'{"nodes": [], "nodes": []}',
        "half": json.dumps(own).encode()[:-50],
        "pickle": pickle.dumps(Evil(mark)),
        "torch pickle": torch_zip(pickle.dumps(Evil(mark), protocol=2)),
        "zip": archive({"a": b"b"}),
        "attribution graph": b'{"metadata": {}, "qParams": {}, "nodes": [], "links": []}',
        "EAP": b'{"cfg": {}, "nodes": {}, "edges": {}}',
        "pairs none": b'{"prompts": []}',
        "pairs text": b'{"prompts": "a"}',
        "pairs of numbers": b'{"prompts": [1, 2]}',
        "pairs half": b'{"prompts": [{"clean": "a"}]}',
        "own without nodes": changed(nodes=[]),
        "own of another model": changed(model_fingerprint="0" * 64),
        "own with another id": changed(id="0" * 16),
        "own with a strange task": changed(task="../../etc"),
        "own with nodes twice": changed(nodes=[*own["nodes"], node]),
        "own with a field more": changed(exec="os"),
        "own with a node outside": changed(nodes=[node | {"id": "0.attn.q:99999", "index": 99999, "site": "0.attn.q"}]),
        "own with a node of no site": changed(nodes=[node | {"id": "9.x.y:0", "site": "9.x.y"}]),
        "own with a node that lies": changed(nodes=[node | {"index": node["index"] + 1}, *own["nodes"][1:]]),
        "own with other weights": changed(edges=[e | {"weight": 99.0} for e in own["edges"]]),
        "own without edges": changed(edges=[]),
        "own with a null": changed(measures=None),
        "theirs without nodes": replaced(nodes=[]),
        "theirs with nodes an object": replaced(nodes={}),
        "theirs of another shape": replaced(metadata={"n_layers": 99}),
        "theirs of another width": replaced(metadata={"d_model": 2**40}),
        "theirs twice": replaced(nodes=[edge, edge]),
        "theirs at -1": replaced(nodes=[edge | {"index": -1}]),
        "theirs far outside": replaced(nodes=[edge | {"index": 2**40}]),
        "theirs at 1.5": replaced(nodes=[edge | {"layer": 1.5}]),
        "theirs nowhere": replaced(nodes=[edge | {"location": "../mlp"}]),
        "theirs of null": replaced(nodes=[None]),
        "theirs with a dangling edge": replaced(
            edges=[{"source_id": "9_a_9", "target_id": "8_b_8", "weight": 1.0, "edge_type": "W_Q"}]
        ),
        "theirs with a text for a weight": replaced(edges=[{"source_id": "a", "target_id": "b", "weight": "1e9"}]),
        "theirs of another model": replaced(sparsescope={"model_fingerprint": "f" * 64}),
        "theirs with three numbers": replaced(sparsescope={"calibration": [1, 2, 3]}),
        "theirs cutting nothing known": replaced(sparsescope={"cut_edges": [["a", "b"]]}),
        "theirs cutting one end": replaced(sparsescope={"cut_edges": [["0.attn.q:0"]]}),
        "released list": saved([1]),
        "released empty": saved({}),
        "released half": saved({"circuit_data": {}}),
        "released no nodes": released("circuit_data", value={}),
        "released of no site": released("circuit_data", "9.attn.q", value=torch.tensor([0])),
        "released floats": released("circuit_data", "0.attn.q", value=torch.tensor([0.5])),
        "released outside": released("circuit_data", "0.attn.q", value=torch.tensor([2**40])),
        "released negative": released("circuit_data", "0.attn.q", value=torch.tensor([-1])),
        "released twice": released("circuit_data", "0.attn.q", value=torch.tensor([1, 1])),
        "released table": released("circuit_data", "0.attn.q", value=torch.zeros(2, 2, dtype=torch.long)),
        "released a billion": released(
            "circuit_data", "0.attn.q", value=torch.zeros(1, dtype=torch.long).expand(2**30)
        ),
        "released NaN": released("importances", "loss", value=float("nan")),
        "released loss text": released("importances", "interv_loss", value="low"),
        "released no loss": released("importances", "loss", value=None),
        "released other model": released("importances", "beeg_model_config", value={"n_layer": 40}),
        "released odd prompts": released("importances", "task_samples", value=[tokens[:-1], {}]),
        "released no prompts": released("importances", "task_samples", value=None),
        "released only padding": released("importances", "task_samples", value=[tokens * 0, {}]),
        "released tokens outside": released("importances", "task_samples", value=[tokens + 1000, {}]),
        "released tokens negative": released("importances", "task_samples", value=[tokens - 1000, {}]),
        "released endless prompts": released(
            "importances", "task_samples", value=[torch.ones(2, 5000, dtype=torch.long), {}]
        ),
        "released losses of another length": released("importances", "ch_interv_losses", value={"0.attn.q": [1.0]}),
        "released untold candidates": released("importances", "loss", value=123.0),
        "released truncated": (DATA / "viz_data.pt").read_bytes()[:5000],
    }
