"""The published page: small, without scripts or anything from the web, and in a real browser heard and seen."""

import re
from pathlib import Path

import pytest

from tests.browser import Browser, find_browser

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "index.html"
MOST_BYTES = 3_000_000
DURATIONS = """Promise.all([...document.querySelectorAll("audio")].map(player => new Promise(done => {
  const tell = () => done(player.duration);
  if (player.readyState) tell();
  player.onloadedmetadata = tell; player.onerror = () => done(0); player.load(); })))"""
UNSEEN = "[...document.images].filter(image => !image.complete || !image.naturalWidth).map(image => image.src)"
COLOURS = """["body", ".soft", ".right", ".wrong"].map(name => getComputedStyle(document.querySelector(name)).color
  + getComputedStyle(document.body).backgroundColor)"""


def test_the_page_and_its_files_belong_together():
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|href)="(?!data:)([^"]+)"', text))
    there = {path.relative_to(DOCS).as_posix() for path in (DOCS / "page").iterdir()}
    assert {name for name in named if name.startswith("page/")} == there
    anchors, pages = (sorted(name for name in named - there if name.startswith("#") == own) for own in (True, False))
    assert set(pages) == {"results.md", "../RESULTS.md"}
    assert anchors
    assert all(f'id="{anchor[1:]}"' in text for anchor in anchors)
    assert len(text.encode()) + sum((DOCS / name).stat().st_size for name in there) < MOST_BYTES


def test_the_page_needs_no_script_and_nothing_from_the_web():
    text = PAGE.read_text(encoding="utf-8")
    assert not re.search(r"<script|<link(?! rel=\"icon\" href=\"data:)|@import|url\(|https?:|\bon\w+=", text)
    assert '<meta name="viewport"' in text


def test_figures_on_the_page_are_the_published_ones():
    plots = DOCS.parent / "plots" / "results"
    shown = [path for path in (DOCS / "page").glob("*.png") if (plots / path.name).exists()]
    assert "forest-short.png" in {path.name for path in shown}
    assert all(path.read_bytes() == (plots / path.name).read_bytes() for path in shown), "python scripts/report.py --page"


@pytest.mark.skipif(find_browser() is None, reason="there is no Chromium on this machine")
def test_a_browser_shows_and_plays_everything(tmp_path):
    with Browser(tmp_path) as browser:
        for width in (390, 1280):
            for dark in (False, True):
                browser.show(PAGE, width=width, dark=dark)
                assert browser.value("document.documentElement.scrollWidth") == width
                assert browser.value(UNSEEN) == []
                assert all(contrast(colours) >= 4.5 for colours in browser.value(COLOURS))
                assert browser.complaints() == []
        durations = browser.value(DURATIONS)
        assert len(durations) >= 10
        assert all(0.1 < seconds < 10 for seconds in durations)


def contrast(colours: str) -> float:
    """Of two colours `rgb(r, g, b)`, by the rule of WCAG 2: 4.5 or more is legible."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colours)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    light = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (linear[:3], linear[3:]))
    return (light[1] + 0.05) / (light[0] + 0.05)
