"""The whole flow in a real browser: nothing leaves the machine, nothing is wrong on the console, axe finds nothing serious."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PERSONS = 1_200
TOKEN = "b" * 24
WAIT_MS = 240_000
MOST_BYTES = 1_500_000

# The command itself, with fewer people than somebody would want.
SERVE = f"""
import sys
from paysim.web import library, preview
library.QUICK_PERSONS = preview.PERSONS = {PERSONS}
from paysim.cli.app import main
main(["serve", "--no-browser", "--port", sys.argv[1], "--outputs", sys.argv[2]])
"""

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine: apt-get install chromium")


class Served:
    """The server as a process of its own, which can be stopped and started again."""

    def __init__(self, outputs):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.outputs, self.address = outputs, f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        environment = {**os.environ, "PAYSIM_TOKEN": TOKEN}
        command = [sys.executable, "-c", SERVE, str(self.port), str(self.outputs)]
        self.child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert f"{self.address}/start?token={TOKEN}" in self.child.stdout.readline()

    def stop(self):
        self.child.send_signal(signal.SIGINT)
        self.child.wait(20)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("outputs"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, browser, served, **options):
        self.wrong, self.served, self.bytes = [], served, 0
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("dialog", lambda d: self.wrong.append(f"dialog {d.message}"))
        self.page.on("request", self._request)
        self.page.goto(f"{served.address}/start?token={TOKEN}")

    def _request(self, request):
        if not request.url.startswith((self.served.address, "data:", "blob:")):
            self.wrong.append(f"left the machine: {request.url}")

    def open(self, path):
        self.page.goto(self.served.address + path)


@pytest.fixture
def watched(chromium, served):
    made = Watched(chromium, served)
    yield made
    assert made.wrong == []
    made.context.close()


@pytest.fixture(scope="module")
def run_of_terms(chromium, served):
    """Somebody changes a term, sees what it rewards, runs it and waits for the verdict; the id of the run."""
    made = Watched(chromium, served)
    page = made.page
    made.open("/terms?way=nl/achterhoek_four_models:mixed")
    page.wait_for_selector("#preview table")
    field = page.locator("[name='0/components/0/share']")
    started = time.monotonic()
    field.fill("0.9")
    field.press("Tab")
    page.wait_for_selector("#preview .said")
    made.preview_s = time.monotonic() - started
    assert "0.5 -> 0.9" in page.locator("#preview .said").inner_text()
    page.fill("[name=years]", "1")
    page.click("button.main")
    page.wait_for_selector("#progress")
    page.wait_for_url("**/verdict")
    assert made.wrong == []
    return re.search(r"/runs/([^/]+)/verdict", page.url)[1]


def test_choosing_cancelling_and_finding_a_run_again(watched, served):
    page = watched.page
    assert "Compare" in page.title()
    page.select_option("#region", "gent")
    page.wait_for_selector("text=Middenkempen under fee for service")
    page.select_option("#region", "achterhoek")
    page.wait_for_selector("text=Achterhoek under four ways")
    page.fill("[name=years]", "15")
    page.check("[name=size][value=full]")
    page.click("button.main")
    page.wait_for_selector(".state.running")
    where = page.url
    page.reload()
    page.wait_for_selector(".state.running")
    assert watched.wrong == []
    served.stop()  # the run goes on; the page asks in vain, and says so on the console
    served.start()
    page.goto(where)  # the cookie holds over a restart
    watched.wrong.clear()
    page.wait_for_selector(".state.running")
    started = time.monotonic()
    page.click("text=Cancel this run")
    page.wait_for_selector(".state.cancelled")
    assert time.monotonic() - started < 30
    assert "paysim run" in page.locator("pre").first.inner_text()
    watched.open("/runs")
    assert page.locator(".state.cancelled").count() == 1


def test_the_difference_is_seen_and_taken_away(watched, run_of_terms):
    page = watched.page
    watched.open(f"/runs/{run_of_terms}")
    assert "Mixed payment, changed" in page.locator("table.verdict").inner_text()
    assert "0.5 -> 0.9" in page.locator(".said").inner_text()
    end = time.monotonic() + 60
    while page.locator("text=The report, one file").count() == 0:  # results are shown before the report is drawn
        assert "is being drawn" in page.locator("main").inner_text()
        assert time.monotonic() < end
        page.wait_for_timeout(500)
        page.reload()
    for words, kind in (("The report, one file", b"<!doctype html"), ("The scenario file", b"schema: 1")):
        with page.expect_download() as got:
            page.click(f"text={words}")
        with open(got.value.path(), "rb") as file:
            assert file.read(200).lower().startswith(kind)


def test_charts_are_drawn_and_have_tables(watched, run_of_terms):
    page = watched.page
    for section in ("time", "payer", "sector", "practice", "place", "people", "access", "incentives"):
        watched.open(f"/runs/{run_of_terms}/explore/{section}")
        for chart in page.locator(".chart").all():
            chart.locator("canvas").wait_for()
            assert chart.locator("canvas").bounding_box()["height"] > 50
        assert page.locator("figure").count() == page.locator("figure table").count()


def test_a_region_is_looked_at_alone(watched):
    page = watched.page
    watched.open("/region?region=gelderse_vallei")
    page.click("button.main")
    page.wait_for_url("**/runs/*/region")
    assert page.locator("text=Verdict").count() == 0
    page.locator("details > summary", has_text="By age").click()
    for chart in page.locator("details[open] .chart").all():
        chart.locator("canvas").wait_for()
        assert chart.locator("canvas").bounding_box()["height"] > 50
    assert page.locator("details[open] .chart").count() == 2


def test_the_first_page_is_small(chromium, served):
    made = Watched(chromium, served)
    sizes = []
    made.page.on("response", lambda r: sizes.append(len(r.body())))
    made.open("/")
    made.page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) < MOST_BYTES
    made.context.close()


def test_the_flow_goes_by_keyboard_alone(watched):
    page = watched.page
    watched.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.className"))
        if reached[-1] == "main":
            break
    assert {"region", "way", "years", "size", "main"} <= set(reached)


PAGES = ("/", "/region", "/terms", "/runs", "/pilots", "/pilots/ascvd_middenkempen", "/upload", "/methods", "/nothing")
PARTS = ("verdict", "explore/time", "explore/payer", "aims", "region")


@pytest.mark.parametrize("language", ["en", "nl", "fr"])
def test_axe_finds_nothing_serious(chromium, served, run_of_terms, language):
    made = Watched(chromium, served, bypass_csp=True, locale=language)  # axe is put into the page
    for path in (*PAGES, *(f"/runs/{run_of_terms}/{part}" for part in PARTS)):
        made.open(path)
        assert made.page.locator("html").get_attribute("lang") == language
        found = axe.Axe().run(made.page).response["violations"]
        assert [(path, each["id"]) for each in found if each["impact"] in ("serious", "critical")] == []
    made.context.close()


def test_pages_fit_at_twice_the_size(chromium, served, run_of_terms):
    made = Watched(chromium, served, viewport={"width": 640, "height": 480})
    for path in (*PAGES, *(f"/runs/{run_of_terms}/{part}" for part in PARTS)):
        made.open(path)
        assert made.page.evaluate("document.documentElement.scrollWidth") <= 640, path
    made.context.close()


def test_hostile_titles_do_nothing(watched, served, run_of_terms):
    """In the app and in the report, opened as a file of its own."""
    from paysim.reading.seals import sealed, unsealed
    from paysim.report.document import write_report

    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>"
    source, copy = served.outputs / run_of_terms, served.outputs / "hostile"
    shutil.copytree(source, copy)
    manifest = unsealed((copy / "manifest.json").read_bytes())
    manifest["scenario"]["title"] = hostile
    for arm in manifest["scenario"]["arms"]:
        arm["title"] = hostile + arm["name"]
    (copy / "manifest.json").write_bytes(sealed(manifest))
    write_report(copy)
    for part in (*PARTS, "explore/incentives", "report"):
        watched.open(f"/runs/hostile/{part}")
        if part != "report":
            assert "onerror=alert" in watched.page.locator("h1").inner_text()
        watched.page.wait_for_timeout(300)
    watched.page.goto((copy / "report.html").as_uri())
    watched.page.wait_for_timeout(300)
    watched.wrong = [each for each in watched.wrong if "file://" not in each]
    assert watched.page.evaluate("document.images.length") == watched.page.evaluate(
        "[...document.images].filter(i => i.src.startsWith('data:')).length"
    )
