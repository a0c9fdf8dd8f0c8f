"""The Node and Prompt panels as a person uses them, in Chromium: their figures are those of the JSON behind them."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.schemas import (
    CircuitDetail,
    CircuitSummary,
    Contrast,
    Ledger,
    NeuronResponse,
    Node,
    NodeOnCorpus,
    NodeOnTask,
    PromptTrace,
)
from conftest import Server
from graph_page import open_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)

#: How the graph's nodes are filled now.
FILLS = """() => [...document.querySelectorAll("#graph .shapelayer path")].map((path) => path.style.fill).join()"""


@pytest.fixture(scope="session")
def circuits(server: Server) -> list[CircuitDetail]:
    """The circuits that the app comes with and whose model reads the held-out text, smallest first."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    summaries.sort(key=lambda summary: (summary.n_nodes, summary.id))
    found = [
        CircuitDetail.model_validate_json(httpx.get(f"{server.url}{c.url}.json", timeout=60).text) for c in summaries
    ]
    return [circuit for circuit in found if re.search("[a-z]", circuit.example.prompts[0])]


@pytest.fixture
def page(page: Page) -> Page:
    """What is run here takes its time on a busy machine."""
    page.set_default_timeout(120_000)
    return page


def node_where(circuits: list[CircuitDetail], wanted: Callable[[Node], bool]) -> tuple[CircuitDetail, Node]:
    """The weightiest node of a kind in the smallest circuit that has one."""
    for circuit in circuits:
        nodes = [node for node in circuit.nodes if wanted(node)]
        if nodes:
            return circuit, max(nodes, key=lambda node: abs(node.effect_nats))
    raise AssertionError("no circuit has such a node")


def choose(scope: Page | Locator, name: str) -> None:
    scope.get_by_role("radio", name=name, exact=True).check()


def figure(text: str) -> float:
    return float(text.split()[0].replace("−", "-").replace("+", ""))


# -- the Node panel --------------------------------------------------------------------------


def test_a_weight_leads_to_its_other_node(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit = next(circuit for circuit in circuits if circuit.edges)
    edge = max(circuit.edges, key=lambda edge: abs(edge.weight))
    open_circuit(page, circuit, f"?node={edge.target}")
    panel = page.get_by_role("tabpanel", name="Node")
    panel.locator(".weights").get_by_role("button", name=edge.source, exact=True).first.click()
    expect(panel.get_by_role("heading", level=2)).to_have_text(edge.source)
    expect(page).to_have_url(re.compile(re.escape(f"node={edge.source}")))


def test_both_classes_and_their_difference(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit, node = node_where(circuits, lambda node: True)
    open_circuit(page, circuit, f"?node={node.id}")
    section = page.get_by_test_id("section-task")
    expect(section.locator(".strips").first).to_be_visible(timeout=120_000)
    answer = NodeOnTask.model_validate(page.request.get(f"{circuit.url}/nodes/{node.id}/task.json").json())
    expect(section).to_contain_text(f"{answer.n_pairs} held-out pairs")
    for words, way in (("at the last token", "last"), ("mean of tokens", "mean"), ("largest", "largest")):
        choose(section, words)
        for i, run in enumerate((answer.full_model, answer.circuit)):
            shown = section.locator(".strips").nth(i).locator(".strong .strip-figures").inner_text()
            assert figure(shown) == pytest.approx(getattr(run, way).difference.value, abs=6e-4)
    expect(section.locator(".strip-dot")).to_have_count(6 * answer.n_pairs)


def test_a_node_on_held_out_text(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit, node = node_where(circuits, lambda node: node.site.endswith("post_act"))
    open_circuit(page, circuit, f"?node={node.id}")
    section = page.get_by_test_id("section-corpus")
    section.locator("summary").first.click()
    expect(page.get_by_test_id("corpus-examples")).to_be_visible(timeout=180_000)
    answer = NodeOnCorpus.model_validate(page.request.get(f"{circuit.url}/nodes/{node.id}/corpus.json").json())
    expect(section).to_contain_text(f"{answer.n_tokens:,} tokens")
    for share, words in zip(answer.circuit.shares, ("0.1%", "1%", "10%", "50%"), strict=True):
        choose(section, words)
        choose(section, "circuit")
        top = section.locator(".examples").first.locator("li")
        expect(top).to_have_count(len(share.top))
        example = share.top[0]
        assert figure(top.first.locator(".example-value").inner_text()) == pytest.approx(
            example.values[example.focus], abs=6e-3
        )
        lit = top.first.locator(".lit.focus").inner_text()
        assert lit == example.tokens[example.focus].replace(" ", "·").replace("\n", "⏎").replace("\t", "→")


def test_a_neurons_curve_and_what_it_writes(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit, node = node_where(circuits, lambda node: node.site.endswith("post_act"))
    open_circuit(page, circuit, f"?node={node.id}")
    section = page.get_by_test_id("section-response")
    expect(section.locator("svg.curve")).to_have_attribute("aria-label", re.compile("^What comes out"))
    answer = NeuronResponse.model_validate(page.request.get(f"{circuit.url}/nodes/{node.id}/response.json").json())
    assert answer.corpus_counts is not None
    expect(page.get_by_test_id("response-lanes")).to_contain_text(f"{answer.n_corpus_tokens:,} tokens of held-out text")
    expect(section.locator(".lane-bar")).to_have_count(2 * len(answer.task_counts.full_model))
    tops = section.locator(".lane-bar title").all_text_contents()
    assert f"full model {max(answer.corpus_counts.full_model):,}" in " ".join(tops[len(tops) // 2 :])
    target = section.locator("tbody tr").first.locator("td").first.inner_text()
    section.get_by_role("button", name="curve", exact=True).first.click()
    expect(section.locator("svg.curve")).to_have_attribute("aria-label", re.compile(f"added to {re.escape(target)}"))


def test_a_heads_pattern_scores_and_sharper_attention(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit, node = node_where(circuits, lambda node: node.site.endswith((".q", ".k")))
    open_circuit(page, circuit, f"?node={node.id}")
    section = page.get_by_test_id("section-attention")
    section.locator("summary").first.click()
    rows = page.get_by_test_id("pattern").locator("tbody tr")
    expect(rows.first).to_be_attached()
    shares = rows.nth(1).locator("td").evaluate_all("(cells) => cells.map((cell) => cell.title)")
    total = sum(float(title.rsplit(": ", 1)[1].rstrip("%")) for title in shares)
    assert total == pytest.approx(100, abs=0.3), "a row and its sink's share are the whole of the attention"
    heads = page.get_by_test_id("scores").locator("thead th").all_inner_texts()
    assert f"ch{node.channel}" in [head.split()[0] for head in heads] and heads[-3:] == ["rest", "score", "share"]
    score = page.get_by_test_id("scores").locator("tbody tr").first.locator("td").evaluate_all(
        "(cells) => cells.map((cell) => cell.title || cell.textContent)"
    )  # fmt: skip
    assert sum(map(figure, score[:-2])) == pytest.approx(figure(score[-2]), abs=0.02)
    section.get_by_role("combobox", name="Prompt").select_option("prompt of one’s own")
    expect(rows.first).to_be_attached()
    page.get_by_test_id("section-task").locator("summary").click()
    expect(page).to_have_url(re.compile("open=response,attention"))
    page.reload()  # what is open is in the address
    expect(rows.first).to_be_visible()
    assert page.get_by_test_id("section-task").get_attribute("open") is None
    page.get_by_test_id("run-what-if").click()
    expect(page.get_by_test_id("what-if").locator("tbody tr")).to_have_count(6, timeout=120_000)
    expect(page.get_by_test_id("what-if")).to_contain_text("64 held-out pairs")


def test_the_prompt_of_the_prompt_panel_on_a_node(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit, node = node_where(circuits, lambda node: True)
    open_circuit(page, circuit, f"?node={node.id}")
    page.get_by_test_id("own-prompt").get_by_role("button", name="Run it").click()
    trace = PromptTrace.model_validate(
        page.request.post(f"{circuit.url}/traces", data={"prompt": circuit.example.prompts[0]}).json()
    )
    expect(page.get_by_test_id("own-prompt").locator(".cell")).to_have_count(2 * len(trace.tokens))
    titles = page.get_by_test_id("own-prompt").locator(".cell").evaluate_all("(cells) => cells.map((c) => c.title)")
    shown = [figure(title.rsplit("  ", 1)[1]) for title in titles]
    row = trace.nodes.index(node.id)
    expected = trace.full_model.activations[row] + trace.circuit.activations[row]
    assert shown == pytest.approx(expected, abs=6e-5)


# -- the Prompt panel ------------------------------------------------------------------------


def test_typing_runs_the_prompt(page: Page, circuits: list[CircuitDetail]) -> None:
    open_circuit(page, circuits[0], "?panel=prompt")
    expect(page.get_by_test_id("prompt-result")).to_contain_text("%")
    page.get_by_label("Prompt;").fill("x = 1\ny")
    expect(page.locator(".token-chip")).to_have_text(["x", "·=", "·1", "⏎", "y"])
    expect(page).to_have_url(re.compile("prompt="))


def test_the_graph_is_lit_at_the_token_under_pointer_or_focus(page: Page, circuits: list[CircuitDetail]) -> None:
    open_circuit(page, circuits[0], "?panel=prompt")
    chips = page.locator(".token-chip")
    expect(chips.first).to_be_visible()
    dark = page.evaluate(FILLS)
    legend = page.locator("#legend")
    expect(legend).to_contain_text("loss rises when this node is cut")
    chips.last.hover()
    page.wait_for_function(f"(before) => ({FILLS})() !== before", arg=dark)
    expect(legend).to_contain_text("activation at the token, of the largest at its kind of site")
    page.get_by_role("heading", name="Run a prompt").hover()
    page.wait_for_function(f"(before) => ({FILLS})() === before", arg=dark)
    expect(legend).to_contain_text("loss rises when this node is cut")
    chips.last.focus()
    page.wait_for_function(f"(before) => ({FILLS})() !== before", arg=dark)
    page.keyboard.press("ArrowLeft")
    expect(chips.nth(-2)).to_be_focused()
    expect(page.get_by_test_id("prompt-tokens")).to_contain_text(f"token {chips.count() - 1}, circuit")
    page.get_by_role("tab", name="Cut").click()
    page.wait_for_function(f"(before) => ({FILLS})() === before", arg=dark)


def test_the_ledger_sums_to_what_is_measured(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit = circuits[0]
    open_circuit(page, circuit, "?panel=prompt")
    choose(page.get_by_role("tabpanel", name="Prompt"), "Ledger")
    answer = Ledger.model_validate(
        page.request.post(f"{circuit.url}/ledgers", data={"prompt": circuit.example.prompts[0]}).json()
    )
    expect(page.get_by_test_id("ledger")).to_be_visible()
    sums = page.get_by_test_id("ledger-sums").locator("tr")
    shown = [[figure(text) for text in sums.nth(i).locator("td").all_inner_texts()] for i in (0, 1)]
    measured = [answer.circuit.measured, answer.full_model.measured]
    assert shown[0] == pytest.approx(measured, abs=2e-4) and shown[1] == pytest.approx(measured, abs=6e-5)
    rows = page.get_by_test_id("ledger").locator("tbody tr td:nth-child(3)")
    parts = [figure(text) for text in rows.all_text_contents() if text != "–"]
    assert sum(parts) == pytest.approx(answer.circuit.measured, abs=0.0006 * len(parts))


def test_two_prompts_in_contrast(page: Page, circuits: list[CircuitDetail]) -> None:
    circuit = circuits[0]
    open_circuit(page, circuit, "?panel=prompt")
    expect(page.locator(".token-chip").first).to_be_visible()
    dark = page.evaluate(FILLS)
    choose(page.get_by_role("tabpanel", name="Prompt"), "Contrast")
    answer = Contrast.model_validate(
        page.request.post(f"{circuit.url}/contrasts", data={"prompts": circuit.example.prompts}).json()
    )
    expect(page.get_by_test_id("prompt-result")).to_contain_text(re.compile(f"{answer.n_same} do(es)? not"))
    page.wait_for_function(f"(before) => ({FILLS})() !== before", arg=dark)
    first = page.get_by_test_id("contrast-nodes").locator("tbody tr").first
    assert first.locator("td").nth(0).inner_text() == answer.nodes[0].node
    assert figure(first.locator("td").nth(1).inner_text()) == pytest.approx(answer.nodes[0].largest, abs=6e-4)
    page.get_by_label("The other prompt").fill(circuit.example.prompts[0])
    expect(page).to_have_url(re.compile("show=contrast.*against="))
    page.reload()
    expect(page.get_by_label("The other prompt")).to_have_value(circuit.example.prompts[0])
    expect(page.get_by_test_id("prompt-result")).to_contain_text(f"0 nodes differ, {circuit.n_nodes} do not")


def test_a_prompt_that_is_too_long_gives_one_sentence(browser: Browser, server: Server) -> None:
    """Not through `page`: Chromium itself logs an answer of 422 as an error."""
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.goto(f"{httpx.get(f'{server.url}/circuits.json', timeout=60).json()[0]['url']}?panel=prompt")
    page.get_by_label("Prompt;").fill("( " * 600)
    notice = page.get_by_test_id("prompt-result").get_by_role("alert")
    expect(notice).to_contain_text(re.compile(r"^the prompt has [\d,]+ tokens; this model reads at most \d+$"))
    expect(page.get_by_test_id("prompt-result").get_by_role("button")).to_have_count(0)
    context.close()
