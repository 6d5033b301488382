"""The page of a run in a real browser: headless Chromium with Playwright, and axe for accessibility.

They are skipped where Chromium or Playwright isn't installed (`apt-get install chromium`).
"""

import shutil

import pytest

from leukcnn.html_report import PAGE

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
STANDARDS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
}
PHONE, DESKTOP = {"width": 360, "height": 800}, {"width": 1280, "height": 900}
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium isn't installed: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright isn't installed: the extra test")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def opened(browser, hostile_folder):
    """Returns a function that opens the page; at its end, nothing was logged, asked for or popped up."""
    found, contexts = [], []

    def open_page(viewport=DESKTOP, scheme="light"):
        contexts.append(browser.new_context(viewport=viewport, color_scheme=scheme))
        page = contexts[-1].new_page()
        for event in ("console", "pageerror", "dialog"):
            page.on(event, lambda what, event=event: found.append((event, str(what))))
        own = (hostile_folder / PAGE).as_uri()
        page.on(
            "request", lambda request: request.url.startswith(("data:", own)) or found.append(request.url)
        )
        page.goto(own)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert found == []


def column(page, table, place):
    cells = page.locator(f"#{table} tbody tr:visible:not(.section) td:nth-child({place})")
    return cells.all_inner_texts()


def test_a_click_sorts_by_value_and_a_third_one_restores_the_order(opened):
    page = opened()
    heading = page.locator("#against-table1 th", has_text="Accuracy")
    before = column(page, "against-table1", 3)
    values = sorted(before, key=lambda text: float(text.split()[0]))
    for state, expected in (("ascending", values), ("descending", values[::-1]), ("none", before)):
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == state
        assert column(page, "against-table1", 3) == expected
    assert page.locator("#against-table1 th[aria-sort]:not([aria-sort=none])").count() == 0


def test_cells_without_a_value_stay_last(opened):
    page = opened()
    button = page.locator("#against-table1 th", has_text="Against the best").get_by_role("button")
    for _ in range(2):
        button.click()
        assert column(page, "against-table1", 6)[-2:] == ["–", "–"]


def test_tables_are_sorted_with_the_keyboard(opened):
    page = opened()
    heading = page.locator("#audit-table th", has_text="Claim")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, "audit-table", 1)[0] == "claim 5"


def test_a_filter_keeps_the_rows_with_all_words(opened):
    page = opened()
    audit = page.locator("section", has=page.locator("#audit-table"))
    field = audit.get_by_label("Filter rows")
    field.fill("CLAIM 3")
    assert column(page, "audit-table", 1) == ["claim 3"]
    assert audit.get_by_role("status").inner_text() == "1 of 6 rows"
    field.fill("nowhere")
    assert column(page, "audit-table", 1) == []
    field.fill("")
    assert len(column(page, "audit-table", 1)) == 6


def test_sections_are_sorted_each_by_itself_and_hidden_when_empty(opened):
    page = opened()
    table = page.locator("#table-report")
    sections = table.locator("tr.section")
    assert sections.all_inner_texts() == ["Controls"]
    heading = table.locator("thead tr:last-child th").nth(1)
    heading.get_by_role("button").click()
    values = column(page, "table-report", 2)
    assert len(values) == 4
    shown = [float(text.split("±")[0].split("\n")[0].split()[0]) for text in values]
    assert shown[:2] == sorted(shown[:2]) and shown[2:] == sorted(shown[2:])
    page.locator("details", has=table).get_by_label("Filter rows").fill("scratch")
    assert sections.all()[0].is_hidden()


def test_the_first_tab_skips_to_the_answer(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


@pytest.mark.parametrize("width", [320, 360, 768])
def test_the_page_never_scrolls_sideways(opened, width):
    page = opened({"width": width, "height": 800})
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"]
)
def test_axe_finds_no_fault(opened, viewport, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe isn't installed: the extra test"
    )
    page = opened(viewport, scheme)
    page.evaluate(OPEN_ALL)
    found = axe.Axe().run(page, options=STANDARDS).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_a_print_shows_all_parts_and_no_buttons(opened, tmp_path):
    page = opened()
    page.emulate_media(media="print")
    assert page.locator(".filter:visible, nav:visible").count() == 0
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0


def test_without_scripts_the_page_shows_the_same_rows(browser, hostile_folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((hostile_folder / PAGE).as_uri())
    assert page.locator("#audit-table tbody tr").count() == 6
    assert page.locator("th button").count() == 0
    context.close()
