"""Whole sittings in a real, headless browser."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_run import Client, command, served, write_run
from test_hostile_names import CLASS, FILE, write_hostile

from labelaudit.decision import Ruling
from labelaudit.faces import DrawnFaces
from labelaudit.queue.decision_lines import latest, read_decision_lines
from labelaudit.queue.select import QueueChoice
from labelaudit.rundir import RunDir

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is a test tool of the extra dev")

NEXT_MS = 50
"""From the end of the 150 ms for which a decision is shown to the next face."""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def sit_down(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page in a browser profile of its own, and fails on whatever the page complains about."""
    contexts, complaints = [], []

    def listen(page: Any) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.on("dialog", lambda dialog: dialog.accept())

    def is_complaint(said: Any) -> bool:
        # What the network did is the page's to say; a policy that was broken or code that failed is not.
        return said.type == "error" and "Failed to load resource" not in said.text

    def sit(client: Client, name: str | None = "Ann", **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("page", listen)
        page = context.new_page()
        page.goto(client.address)
        if name is not None:
            page.locator("#name-input").fill(name)
            page.keyboard.press("Enter")
        return page

    yield sit
    for context in contexts:
        context.close()
    assert complaints == []


def shows(page: Any, row: int) -> None:
    """Waits until a face is there to be decided."""
    page.wait_for_selector(f'html[data-row="{row}"]')
    sync_api.expect(page.locator("#frame img")).to_have_attribute("src", f"/pictures/{row}")


def saved(page: Any) -> None:
    sync_api.expect(page.locator("#saved")).to_have_text("Saved")


def until_loaded(page: Any, row: int) -> None:
    """Waits until a face is ready before it is asked for."""
    for _ in range(100):
        if page.evaluate(f"performance.getEntriesByName(`${{location.origin}}/pictures/{row}`).length"):
            return page.wait_for_timeout(100)  # its six neighbours come with it
        page.wait_for_timeout(50)
    return pytest.fail(f"row {row} was never loaded ahead")


def press_and_wait(page: Any, key: str, then: int | None) -> None:
    page.keyboard.press(key)
    if then is None:
        page.wait_for_selector("#finished:not([hidden])")
    else:
        shows(page, then)


@contextlib.contextmanager
def small_desk(run: RunDir, top: int = 6, **options: Any) -> Iterator[tuple[Client, dict[str, Any]]]:
    with served(run, QueueChoice(top=top, **options)) as client:
        yield client, client.get("/api/desk").json


def test_a_whole_sitting_by_keyboard(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with served(run) as client:
        desk = client.get("/api/desk").json
        rows = desk["rows"]
        page = sit_down(client)
        shows(page, rows[0])
        assert "token" not in page.url
        assert page.locator("#given").inner_text() == desk["given"][0]
        assert page.locator("#accept-label").inner_text() == desk["suggested"][0]
        assert page.locator("#similar-faces img").count() == 6
        for place, key in enumerate("ak3mns", 1):
            press_and_wait(page, key, rows[place])
        page.keyboard.press("u")  # the skip
        shows(page, rows[5])
        press_and_wait(page, "7", rows[6])
        page.keyboard.press("/")
        page.keyboard.type(desk["classes"][4][:3])
        press_and_wait(page, "Enter", rows[7])
        for place in range(7, 16):
            press_and_wait(page, "a", rows[place + 1] if place < 15 else None)
        saved(page)
        wrong = [suggested != given for suggested, given in zip(desk["suggested"], desk["given"], strict=True)]
        assert all(wrong)
        assert page.locator("#finished-title").inner_text() == "All 16 faces are decided"
        finished = page.locator("#finished-precision").inner_text().replace("\u00a0", " ")
        assert re.match(r"1\d of 16 given labels wrong: \d+ % \(\d+ to \d+ %\)\.", finished)
        waits = page.evaluate("performance.getEntriesByName('next face').map((each) => each.duration)")
    assert len(waits) >= 14
    assert sorted(waits)[len(waits) // 2] < NEXT_MS
    by_id = {each.sample_id: each for each in latest(read_decision_lines(run.decisions))}
    assert len(by_id) == 16
    kept = [(each.ruling, each.label) for each in by_id.values()]
    assert kept[:5] == [
        (Ruling.LABEL, desk["suggested"][0]),
        (Ruling.LABEL, desk["given"][1]),
        (Ruling.LABEL, desk["classes"][2]),
        (Ruling.AMBIGUOUS, None),
        (Ruling.NOT_A_FACE, None),
    ]
    assert (Ruling.LABEL, desk["classes"][6]) in kept
    assert {each.annotator for each in by_id.values()} == {"Ann"}


def test_reload_goes_on_and_undo_reaches_back(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with small_desk(run) as (client, desk):
        rows = desk["rows"]
        page = sit_down(client)
        shows(page, rows[0])
        press_and_wait(page, "a", rows[1])
        press_and_wait(page, "k", rows[2])
        saved(page)
        page.reload()
        shows(page, rows[2])
        assert page.locator("#decided").inner_text() == "2 decided"
        press_and_wait(page, "u", rows[1])
        sync_api.expect(page.locator("#stamp")).to_be_hidden()
        sync_api.expect(page.locator("#decided")).to_have_text("1 decided")
        press_and_wait(page, "u", rows[0])
        press_and_wait(page, "3", rows[1])
        page.keyboard.press("ArrowLeft")
        shows(page, rows[0])
        assert page.locator("#stamp").inner_text() == desk["classes"][2]
        assert page.locator('#classes [aria-pressed="true"]').inner_text().split()[-1] == desk["classes"][2]
        press_and_wait(page, "4", rows[1])
        page.keyboard.press("Control+z")  # back to what was said before
        shows(page, rows[0])
        assert page.locator("#stamp").inner_text() == desk["classes"][2]
        saved(page)
    (one,) = latest(read_decision_lines(run.decisions))
    assert one.label == desk["classes"][2]


def test_two_annotators_do_not_see_each_other(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with small_desk(run, top=3) as (client, desk):
        rows = desk["rows"]
        ann, bo = sit_down(client, "Ann"), sit_down(client, "Bo")
        shows(ann, rows[0])
        press_and_wait(ann, "a", rows[1])
        saved(ann)
        shows(bo, rows[0])
        assert bo.locator("#decided").inner_text() == "0 decided"
        assert "Ann" not in bo.locator("main").inner_text()
        bo.keyboard.press("o")
        sync_api.expect(bo.locator("#others")).to_have_text(f"Others said: Ann: {desk['suggested'][0]}.")
        press_and_wait(bo, "k", rows[1])
        assert bo.locator("#others").inner_text() == ""
        saved(bo)
        third = sit_down(client, None)
        sync_api.expect(third.locator("#known button")).to_have_text(["Ann, 1 decided", "Bo, 1 decided"])
        third.locator("#known button").first.click()
        shows(third, rows[1])
    stands = {(each.annotator, each.label) for each in latest(read_decision_lines(run.decisions))}
    assert stands == {("Ann", desk["suggested"][0]), ("Bo", desk["given"][0])}


def test_two_windows_do_not_overwrite_each_other(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with small_desk(run) as (client, desk):
        rows = desk["rows"]
        one = sit_down(client)
        shows(one, rows[0])
        other = one.context.new_page()
        other.goto(client.address)
        shows(other, rows[0])  # the same browser: the name is known
        press_and_wait(one, "1", rows[1])
        sync_api.expect(other.locator("#stamp")).to_have_text(desk["classes"][0])  # told without asking
        stranger = sit_down(client)  # the same person at another machine, who is not told in time
        shows(stranger, rows[1])
        stranger.route("**/api/p*", lambda route: route.abort())
        press_and_wait(one, "2", rows[2])
        saved(one)
        press_and_wait(stranger, "3", rows[2])
        sync_api.expect(stranger.locator("#notice")).to_contain_text("was not saved")
        stranger.locator("#notice button").click()
        shows(stranger, rows[1])
        assert stranger.locator("#stamp").inner_text() == desk["classes"][1]
    assert [each.label for each in latest(read_decision_lines(run.decisions))] == desk["classes"][:2]


def test_a_server_that_dies_and_comes_back(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with command(run.root, "--top", "8", "--port", "0") as (process, client):
        desk = client.get("/api/desk").json
        rows = desk["rows"]
        page = sit_down(client)
        shows(page, rows[0])
        press_and_wait(page, "1", rows[1])
        saved(page)
        until_loaded(page, rows[3])
        process.send_signal(signal.SIGKILL)
        process.wait()
        press_and_wait(page, "2", rows[2])
        press_and_wait(page, "3", rows[3])
        sync_api.expect(page.locator("#saved")).to_have_text("2 not saved")
        sync_api.expect(page.locator("#notice")).to_contain_text("does not answer")
        assert len(read_decision_lines(run.decisions)) == 1
    with command(run.root, "--top", "8", "--port", str(client.port)) as (process, again):
        sync_api.expect(page.locator("#notice")).to_contain_text("started anew")  # it has another token now
        page.goto(again.address)
        saved(page)
        shows(page, rows[3])
        sync_api.expect(page.locator("#decided")).to_have_text("3 decided")
        assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('labelaudit f'))") == []
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert json.loads(out.splitlines()[-1])["standing"] == 3
    assert [each.label for each in latest(read_decision_lines(run.decisions))] == desk["classes"][:3]


def test_a_blind_page_shows_the_face_alone(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with small_desk(run, top=2, blind=True) as (client, desk):
        rows = desk["rows"]
        page = sit_down(client)
        shows(page, rows[0])
        seen = page.locator("body").inner_text()
        for hidden in ("Given", "Suggested", "network", "Accept", "Keep", "mislabelled", "wrong", ".png"):
            assert hidden not in seen, hidden
        page.keyboard.press("a")  # there is nothing to accept
        press_and_wait(page, "1", rows[1])
        press_and_wait(page, "2", None)
        sync_api.expect(page.locator("#finished-precision")).to_contain_text("of 2 given labels wrong")


def test_filters_and_the_skipped(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with served(run) as client:
        desk = client.get("/api/desk").json
        page = sit_down(client)
        shows(page, desk["rows"][0])
        page.keyboard.press("f")
        label = desk["given"][-1]
        wanted = [row for row, given in zip(desk["rows"], desk["given"], strict=True) if given == label]
        page.locator("#filter-given").select_option(label)
        sync_api.expect(page.locator("#filter-count")).to_have_text(f"{len(wanted)} faces.")
        page.locator("#filter-form button[type=submit]").click()
        shows(page, wanted[0])
        assert page.locator("#place").inner_text() == f"1 of {len(wanted)}"
        for then in [*wanted[1:], None]:
            press_and_wait(page, "s", then)
        sync_api.expect(page.locator("#finished-title")).to_have_text(f"All {len(wanted)} faces of this filter seen")
        page.locator("#again").click()
        shows(page, wanted[0])
        press_and_wait(page, "a", wanted[1])
        page.keyboard.press("f")
        page.locator("#filter-undecided").check()
        page.locator("#filter-clear").click()
        shows(page, wanted[1])
        assert page.locator("#place").inner_text().endswith("of 16")


def test_touch_on_a_narrow_screen(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with small_desk(run, top=2) as (client, desk):
        page = sit_down(client, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        shows(page, desk["rows"][0])
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        small = page.evaluate(
            "[...document.querySelectorAll('footer button')].filter(({ offsetHeight: h }) => h && h < 44).length"
        )
        assert small == 0
        page.locator("#keep").tap()
        shows(page, desk["rows"][1])
        saved(page)


def test_spoken_and_focused(run: RunDir, sit_down: Callable[..., Any]) -> None:
    with small_desk(run, top=3) as (client, desk):
        page = sit_down(client)
        shows(page, desk["rows"][0])
        page.locator("#keep").focus()
        press_and_wait(page, "Enter", desk["rows"][1])  # a button is a button
        assert page.evaluate("document.activeElement.id") == "keep"
        spoken = page.locator("#announcer").inner_text()
        assert spoken == (
            f"{desk['given'][0]}. Face 2 of 3. Given {desk['given'][1]}. Suggested {desk['suggested'][1]}."
        )
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button')].filter((b) => !(b.ariaLabel || b.textContent.trim())).length"
        )
        assert unnamed == 0
        page.keyboard.press("?")
        page.locator("#single-keys").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        page.wait_for_timeout(250)
        assert page.get_attribute("html", "data-row") == str(desk["rows"][1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(run: RunDir, sit_down: Callable[..., Any], scheme: str) -> None:
    with small_desk(run, top=2) as (client, desk):
        page = sit_down(client, color_scheme=scheme, reduced_motion="reduce")
        shows(page, desk["rows"][0])
        faint = page.evaluate(CONTRAST)
        assert faint == []
        assert page.evaluate("document.getAnimations().length") == 0


CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.offsetParent) continue;
    const [one, other] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) faint.push(`${node.id || node.className || node.tagName}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


def test_hostile_names_stay_text(drawn: DrawnFaces, tmp_path: Path, sit_down: Callable[..., Any]) -> None:
    run = write_run(tmp_path / "run", write_hostile(drawn, tmp_path), asked=140)
    with served(run, QueueChoice(classes=(CLASS,))) as client:
        page = sit_down(client, "<b>Ann</b>")
        shows(page, client.get("/api/desk").json["rows"][0])
        assert page.locator("#given").inner_text() == CLASS
        assert page.locator("#file").text_content() == f"{CLASS}/{FILE}"
        assert page.locator("#name").inner_text() == "<b>Ann</b>"
        assert page.locator("img:not([src^='/pictures/'])").count() == 0
