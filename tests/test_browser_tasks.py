"""A task of one's own as a person makes it: paste faulty pairs, read every fault, mend them, save, prune."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.schemas import Job, ModelSummary, TaskDetail
from conftest import NewPage, Server

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def model(server: Server) -> ModelSummary:
    """The first model that reads Python."""
    models = [ModelSummary.model_validate(m) for m in httpx.get(f"{server.url}/models.json", timeout=60).json()]
    return next(m for m in models if m.language == "python")


@pytest.fixture(scope="session")
def pairs(server: Server) -> dict[str, Any]:
    """Pairs that are a task: the example that the app itself gives."""
    return dict(httpx.get(f"{server.url}/tasks/new.json", timeout=60).json())


def open_form(page: Page, model: ModelSummary, title: str) -> None:
    page.goto("/tasks")
    page.get_by_test_id("new-task").click()
    page.get_by_label("name", exact=True).fill(title)
    page.get_by_label("check with the tokeniser of").select_option(model.name)


def test_every_fault_is_shown_and_nothing_is_saved(
    page: Page, server: Server, model: ModelSummary, pairs: dict[str, Any]
) -> None:
    faulty = json.loads(json.dumps(pairs))
    faulty["prompts"][1]["answers"] = ["not one token"]
    del faulty["prompts"][4]["corrupt"]
    open_form(page, model, "Faulty")
    page.get_by_label("or paste them").fill(json.dumps(faulty))
    page.get_by_test_id("save-task").click()
    faults = page.get_by_test_id("faults")
    expect(faults).to_contain_text("2 faults")
    expect(faults.locator("li").nth(0)).to_contain_text("pair 2: 'not one token' is not one token here")
    expect(faults.locator("li").nth(1)).to_contain_text("pair 5 lacks corrupt")
    expect(page).to_have_url(re.compile("/tasks/new$"))
    assert "Faulty" not in httpx.get(f"{server.url}/tasks.json", timeout=60).text


def test_pairs_from_a_file_are_saved_measured_and_pruned(
    page: Page, server: Server, model: ModelSummary, pairs: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "my quotes.json"
    file.write_text(json.dumps(pairs))
    open_form(page, model, "")
    page.get_by_label("take the pairs from a file").set_input_files(file)
    expect(page.get_by_label("name", exact=True)).to_have_value("my quotes")
    expect(page.get_by_test_id("split")).to_have_text("80 pairs can be used: 40 to prune on, 40 held out.")
    first = page.get_by_test_id("preview").locator("li").first.locator(".token-line").first
    shown = "".join(first.locator(".tok:not(.answer)").all_text_contents())
    clean = pairs["prompts"][0]["clean"]
    assert shown == clean.replace(" ", "·").replace("\n", "⏎").replace("\t", "→")
    page.get_by_test_id("save-task").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("my quotes")
    expect(page.get_by_test_id("own-pairs")).to_contain_text(model.name)
    name = page.url.rsplit("/", 1)[-1]
    task = TaskDetail.model_validate(httpx.get(f"{server.url}/tasks/{name}.json", timeout=60).json())
    assert task.own and task.pairs is not None and task.pairs.n_heldout == 40

    row = page.get_by_test_id("model-scores").get_by_role("row").filter(has=page.get_by_role("link", name=model.title))
    expect(row).to_contain_text(re.compile(r"\d\.\d{3} \["))
    measure = httpx.get(f"{server.url}/models/{model.name}/tasks/{name}.json", timeout=60).json()["measure"]
    expect(row).to_contain_text(f"{measure['loss_nats']['value']:.3f}")

    row.get_by_role("link", name="prune").click()
    form = page.get_by_role("form", name="Prune a circuit")
    chosen = form.get_by_label("task", exact=True)
    expect(chosen).to_have_value(name)
    expect(chosen.locator("option")).not_to_have_count(1)
    form.get_by_label("gradient steps").fill("5000")
    form.get_by_test_id("start-prune").click()
    expect(page.get_by_test_id("prune-job")).to_contain_text(re.compile(r"step \d+ of 5,000"), timeout=180_000)
    page.get_by_test_id("cancel-job").click()
    expect(page.get_by_test_id("job-state")).to_have_text("cancelled")
    jobs = [Job.model_validate(raw) for raw in page.request.get("/jobs.json").json()]  # its own: others see none of it
    assert [job.state for job in jobs if job.request.task == name] == ["cancelled"]
    page.goto("/tasks")
    expect(page.get_by_role("link", name="my quotes")).to_be_visible()


def test_without_javascript_the_form_says_what_does_the_same(browser: Browser, server: Server) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/tasks/new")
    expect(page.get_by_text("POST /tasks")).to_be_visible()
    expect(page.get_by_test_id("save-task")).to_be_hidden()
    context.close()


def test_the_example_fills_the_form(page: Page, model: ModelSummary, new_page: NewPage) -> None:
    open_form(page, model, "Example")
    page.get_by_role("button", name="Fill in an example").click()
    expect(page.get_by_test_id("split")).to_contain_text("80 pairs can be used")
    narrow = new_page()
    narrow.set_viewport_size({"width": 390, "height": 844})
    narrow.goto("/tasks/new")
    narrow.get_by_role("button", name="Fill in an example").click()
    expect(narrow.get_by_test_id("preview")).to_be_visible()
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 390
