"""Whatever a person gives is read or refused in one sentence: files, pairs, names, with one thing in them wrong."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save as save_tensors

import tiny
from hostile import DATA, GOOD
from model.config import ModelConfig
from model.errors import InputError
from model.forms import json_values
from model.forms.model_folder import check_folder
from model.forms.released import read_released
from model.forms.replication import read_replication
from model.sites import MASKABLE, maskable_sites, parse_node, site_width
from model.tasks.custom import check_pairs
from model.token_ids import TokenIds

QUICK = settings(
    deadline=None, database=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck)
)
SMALL = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
ANYTHING = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
RELEASED = ModelConfig.from_release(json.loads(GOOD["beeg_config.json"]))


@st.composite
def broken(draw: st.DrawFn, whole: Any) -> Any:
    """The same with one thing in it lost, doubled or another, at any depth."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(whole, key=repr)))
        return whole | {key: draw(broken(whole[key]))}
    if isinstance(whole, list) and whole and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(whole) - 1))
        return [*whole[:at], draw(broken(whole[at])), *whole[at + 1 :]]
    if isinstance(whole, dict) and whole and draw(st.booleans()):
        lost = draw(st.sampled_from(sorted(whole, key=repr)))
        return {key: value for key, value in whole.items() if key != lost}
    if isinstance(whole, list) and whole and draw(st.booleans()):
        return whole + whole
    if isinstance(whole, int | float) and draw(st.booleans()):
        return draw(st.sampled_from([-whole, whole + 1, whole * 10**9, str(whole)]))
    return draw(ANYTHING)


@st.composite
def bitten(draw: st.DrawFn, whole: bytes) -> bytes:
    """The same cut short, or with some bytes others."""
    if draw(st.booleans()):
        return whole[: draw(st.integers(0, len(whole)))]
    changed = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        changed[draw(st.integers(0, len(whole) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


def one_sentence(error: pytest.ExceptionInfo[InputError] | InputError) -> None:
    said = str(error)
    assert 5 < len(said) < 600 and "\n" not in said, said


@QUICK
@given(raw=st.binary(max_size=60) | st.text('[]{}"\\:,0123456789eE+-.truefalsn \n\ufeff', max_size=60))
def test_json_is_read_or_refused(raw: bytes | str) -> None:
    try:
        json_values.parse(raw)
    except InputError as error:
        one_sentence(error)


@pytest.fixture(scope="module")
def theirs(shared_client: TestClient, circuit_id: str) -> Any:
    return shared_client.get(f"/circuits/{circuit_id}/exports/sparse-pretrain").json()


def few(found: Any, most: int = 4) -> Any:
    """Lists of a record cut short, so that one thing wrong is tried everywhere."""
    if isinstance(found, dict):
        return {key: few(value, most) for key, value in found.items()}
    return [few(value, most) for value in found[:most]] if isinstance(found, list) else found


def test_a_replications_circuit_is_read_or_refused(theirs: Any) -> None:
    @QUICK
    @given(content=broken(few(theirs)))
    def check(content: Any) -> None:
        try:
            read_replication(content, tiny.CONFIG)
        except InputError as error:
            one_sentence(error)

    check()


def test_a_circuit_of_our_own_is_checked_or_refused(shared_client: TestClient, circuit_id: str) -> None:
    own = few(shared_client.get(f"/circuits/{circuit_id}/exports/sparsescope").json())

    @settings(QUICK, max_examples=30)
    @given(content=broken(own))
    def check(content: Any) -> None:
        sent = {"file": ("circuit.json", json.dumps(content).encode())}
        given_ = {"model": tiny.MODEL, "task": tiny.TASK}
        said = shared_client.post("/import/check", data=given_, files=sent)
        assert said.status_code == 200, said.text[:300]

    check()


def test_a_released_circuit_is_read_or_refused(tmp_path: Path) -> None:
    path, whole = tmp_path / "viz_data.pt", (DATA / "viz_data.pt").read_bytes()
    content = torch.load(io.BytesIO(whole), weights_only=True)
    kept = {name: content[name] for name in ("circuit_data", "importances")}

    def check(raw: bytes) -> None:
        path.write_bytes(raw)
        try:
            read_released(path, RELEASED)
        except InputError as error:
            one_sentence(error)

    @QUICK
    @given(changed=broken(kept))
    def other_values(changed: Any) -> None:
        out = io.BytesIO()
        torch.save(changed, out)
        check(out.getvalue())

    other_values()
    settings(QUICK, max_examples=25)(given(raw=bitten(whole))(check))()


def test_a_model_folder_is_read_or_refused(tmp_path: Path, tiny_bundle: Path) -> None:
    source = tiny_bundle / "models" / tiny.MODEL
    config, weights = json.loads((source / "config.json").read_text()), (source / "weights.safetensors").read_bytes()
    tokenizer = (source / "tokenizer.json").read_bytes()

    def check(config: Any, weights: bytes, tokenizer: bytes) -> None:
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "weights.safetensors").write_bytes(weights)
        (tmp_path / "tokenizer.json").write_bytes(tokenizer)
        try:
            check_folder(tmp_path, 10_000_000)
        except InputError as error:
            one_sentence(error)

    settings(QUICK, max_examples=40)(given(config=broken(config))(lambda config: check(config, weights, tokenizer)))()
    few_bitten = settings(QUICK, max_examples=20)
    few_bitten(given(weights=bitten(weights))(lambda weights: check(config, weights, tokenizer)))()
    few_bitten(given(tokenizer=bitten(tokenizer))(lambda tokenizer: check(config, weights, tokenizer)))()
    check(config, save_tensors({"x": torch.zeros(2)}), tokenizer)


PAIRS = {"prompts": [{"clean": "a", "corrupt": "b", "answers": ["c"], "wrong_answers": ["d"]} for _ in range(3)]}


@QUICK
@given(content=broken(PAIRS), raw=st.none() | st.text(max_size=40))
def test_prompt_pairs_are_read_or_refused(content: Any, raw: str | None) -> None:
    try:
        for fault in check_pairs(json.dumps(content) if raw is None else raw, TokenIds(600), 40).faults:
            assert "\n" not in fault and len(fault) < 600
    except InputError as error:
        one_sentence(error)


NUMBERS = st.text("0123\N{ARABIC-INDIC DIGIT ONE}\N{SUPERSCRIPT TWO}", min_size=1, max_size=3)
NODES = st.builds("{}.{}:{}".format, NUMBERS, st.sampled_from(MASKABLE), NUMBERS)


@QUICK
@given(text=st.text(max_size=30) | NODES)
@example(text="00.mlp.act_in:1")
@example(text="\N{ARABIC-INDIC DIGIT ZERO}.mlp.act_in:1")
@example(text="\N{SUPERSCRIPT ONE}.mlp.act_in:1")
@example(text="0.mlp.act_in:01")
def test_any_text_is_a_node_or_a_sentence(text: str) -> None:
    try:
        assert str(parse_node(text, tiny.CONFIG)) == text
    except InputError as error:
        one_sentence(error)


def test_every_node_is_read_as_it_is_written() -> None:
    for site in maskable_sites(tiny.CONFIG):
        for index in (0, site_width(tiny.CONFIG, site) - 1):
            assert str(parse_node(f"{site}:{index}", tiny.CONFIG)) == f"{site}:{index}"
