"""Still pictures: every kept node is drawn once, nothing overlaps, the same circuit gives the same bytes."""

import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

from app.pictures import png, svg
from app.pictures.paint import DARK, LIGHT
from app.pictures.places import part_of, places_of, spread
from app.schemas import CircuitDetail
from app.settings import ROOT

NS = "{http://www.w3.org/2000/svg}"


def read(bundle: Path, circuit_id: str) -> CircuitDetail:
    return CircuitDetail.model_validate_json((bundle / "circuits" / f"{circuit_id}.json").read_bytes())


def test_every_node_and_terminal_has_one_place_of_its_own(tiny_bundle: Path, circuit_id: str) -> None:
    circuit = read(tiny_bundle, circuit_id)
    places = places_of(circuit)
    wanted = {node.id for node in circuit.nodes} | {terminal.id for terminal in circuit.terminals}
    assert set(places.points) == wanted
    assert len({(round(p.x, 3), p.y) for p in places.points.values()}) == len(wanted)


def test_nodes_of_one_channel_share_a_vertical_line(tiny_bundle: Path, circuit_id: str) -> None:
    circuit = read(tiny_bundle, circuit_id)
    places = places_of(circuit)
    by_channel: dict[int, set[float]] = {}
    for node in circuit.nodes:
        if part_of(node).endswith(("act_in", "resid_delta")):
            by_channel.setdefault(node.index, set()).add(places.points[node.id].x)
    assert all(len(xs) == 1 for xs in by_channel.values())


def test_the_svg_holds_a_shape_a_node_and_escapes_its_words(tiny_bundle: Path, circuit_id: str) -> None:
    circuit = read(tiny_bundle, circuit_id)
    circuit = circuit.model_copy(update={"task_title": "<b> & \x00"})
    root = ET.fromstring(svg(circuit))
    n_neurons = sum(part_of(node) == "mlp.post_act" for node in circuit.nodes)
    n_embed = sum(terminal.kind == "embed" for terminal in circuit.terminals)
    assert len(root.findall(f"{NS}circle")) == n_neurons + n_embed
    assert any(text.text == "<b> & \ufffd" for text in root.iter(f"{NS}text"))


def test_the_png_is_as_wide_as_asked_and_always_the_same(tiny_bundle: Path, circuit_id: str) -> None:
    drawn = svg(read(tiny_bundle, circuit_id), size=(1200, 630), dark=True)
    first = png(drawn, 600)
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", first[16:24]) == (600, 315)
    assert png(drawn, 600) == first


def test_things_stand_apart_and_near_their_wishes() -> None:
    assert spread([0, 0, 5], [1, 1, 1], 10) == [0, 1, 5]
    assert spread([3, 3], [1, 1], 10) == [2.5, 3.5]
    assert spread([99], [2], 10) == [9]


def test_the_colours_are_those_of_the_page() -> None:
    tokens = (ROOT / "static/css/tokens.css").read_text()
    for name in ("paper", "surface", "sunk", "ink", "ink-2", "ink-3", "rule-strong", "positive", "negative", "neutral"):
        found = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", tokens)
        assert found, name
        field = name.replace("-", "_")
        assert (getattr(LIGHT, field), getattr(DARK, field)) == found.groups(), name
