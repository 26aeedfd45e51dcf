"""The page as a reader meets it: on a desktop, a phone and paper, in two languages."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from streams.report import Findings, PageRefused, figures, read_findings, write_page
from tests.browser import PHONE, Browser, Opened
from tests.streams.report.page.made import Made, everything, summary
from tests.streams.report.shelf import OFFER, shelve

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'
SECTIONS = (
    *("ranking", "calibration", "gains", "budgets", "threshold", "time", "lead", "drift"),
    *("reasons", "groups", "shop", "stories", "models"),
)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return read_findings(shelve(tmp_path_factory.mktemp("shelf"), offer=OFFER))


@pytest.fixture(scope="module")
def page(findings: Findings) -> Path:
    path = findings.folder / "report.html"
    write_page(findings, path)
    return path


@pytest.fixture(scope="module")
def opened(browser: Browser, page: Path) -> Iterator[Opened]:
    with browser.opened(page) as found:
        yield found


def test_it_asks_for_nothing_but_itself_and_has_nothing_to_complain_of(
    opened: Opened, page: Path
) -> None:
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("blob:", "data:"))] == [
        page.as_uri()
    ]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_its_charts_drawn(opened: Opened, section: str) -> None:
    plots = opened.page.locator(f"#{section} [data-chart]")
    marks = plots.locator("svg .role-mark path, svg .role-mark text, svg .role-mark line")

    assert plots.count() > 0
    assert opened.page.locator(f"#{section} [data-chart] > svg").count() == plots.count()
    assert marks.count() >= plots.count()


def test_every_chart_has_something_to_see_and_one_sentence_to_say(opened: Opened) -> None:
    empty = opened.run(
        """[...document.querySelectorAll("figure.chart")].filter((figure) => {
            const marks = [...figure.querySelectorAll("svg .mark-group.role-frame .role-mark")];
            const seen = marks.some((mark) => mark.getBoundingClientRect().width > 5);
            return !seen || figure.querySelector(".takeaway").textContent.length < 10;
        }).map((figure) => figure.id)"""
    )
    assert empty == []


def test_a_chart_is_called_what_it_says_for_those_who_do_not_see_it(opened: Opened) -> None:
    called = opened.run(
        """[...document.querySelectorAll("[data-chart]")].map((plot) => [
            plot.getAttribute("role"), plot.getAttribute("aria-label"),
            plot.closest("figure").querySelector(".takeaway").textContent.trim()])"""
    )
    assert called
    assert {role for role, *_ in called} == {"img"}
    assert [
        takeaway for _, label, takeaway in called if " ".join(takeaway.split()) not in label
    ] == []


def test_what_is_downloaded_is_the_table_that_is_drawn(opened: Opened, findings: Findings) -> None:
    for name, table in (
        *(("roc", "roc"), ("calibration", "calibration"), ("lift", "gains")),
        *(("budgets", "budgets"), ("thresholds", "thresholds"), ("profit", "profit")),
        *(("segment_rates", "by_segment"), ("survival", "survival"), ("reasons", "reasons")),
    ):
        rows = downloaded(opened, f"{name}.csv")
        expected = findings.table(table)
        assert len(rows) == len(expected), name
        assert set(expected.columns) <= set(rows[0]), name
        for column in expected.select_dtypes("number").columns:
            told = sorted(float(row[column]) for row in rows if row[column])
            # What is not finite, such as the threshold above all risks, has no place on an axis.
            finite = [value for value in expected[column] if math.isfinite(value)]
            assert told == pytest.approx(sorted(finite), rel=1e-5), name


def downloaded(opened: Opened, file: str) -> list[dict[str, str]]:
    with opened.page.expect_download() as waiting:
        opened.page.locator(f'a.csv[data-file="{file}"]').click()
    path = waiting.value.path()
    return list(csv.DictReader(io.StringIO(Path(path).read_text(encoding="utf-8-sig"))))


def test_each_term_is_explained_to_the_keyboard_too(opened: Opened) -> None:
    told = opened.run(
        """[...document.querySelectorAll(".term")].every((term) => term.tabIndex === 0
            && document.getElementById(term.getAttribute("aria-describedby")))"""
    )
    opened.page.locator(".term").first.focus()
    shown = opened.run('getComputedStyle(document.querySelector(".term:focus"), "::after").content')

    assert told
    assert len(shown) > 20


def test_headings_go_down_step_by_step_and_the_contents_lead_to_sections(opened: Opened) -> None:
    levels = opened.run('[...document.querySelectorAll("h1,h2,h3,h4")].map((h) => +h.tagName[1])')
    broken = opened.run(
        """[...document.querySelectorAll('.contents a')]
            .filter((a) => !document.querySelector(a.getAttribute("href"))).length"""
    )

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert broken == 0


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, page: Path) -> None:
    with browser.opened(page, PHONE) as phone:
        wider = phone.run("document.documentElement.scrollWidth - window.innerWidth")
        charts = phone.run(
            """[...document.querySelectorAll("[data-chart] > svg")].every((chart) =>
                chart.getBoundingClientRect().right <= window.innerWidth + 1)"""
        )
    assert wider <= 0
    assert charts


def test_no_chart_is_cut_on_paper(browser: Browser, page: Path) -> None:
    with browser.opened(page) as printed:
        pdf = printed.page.pdf(prefer_css_page_size=True)
        # At the width of A4 less its margins, with the charts drawn anew for it.
        printed.page.set_viewport_size({"width": 688, "height": 1000})
        printed.page.emulate_media(media="print")
        printed.run('window.dispatchEvent(new Event("beforeprint"))')
        beyond = printed.run(
            """[...document.querySelectorAll("[data-chart] > svg")].filter((chart) =>
                chart.getBoundingClientRect().right > 690).length"""
        )
    assert 5 < pdf.count(b"/Type /Page\n") < 25
    assert beyond == 0


def test_it_speaks_chinese(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(Made(), path, "zh")

    with browser.opened(path) as chinese:
        language = chinese.run("document.documentElement.lang")
        text = chinese.run("document.body.innerText")
        months = chinese.run('document.querySelector("#chart-auc_over_time svg").textContent')

    assert language == "zh-CN"
    assert "可以启用" in text
    assert "2025年" in months
    assert not {"left", "Of two", "Reaching"} & set(re.findall(r"[A-Z]?[a-z]+(?: [a-z]+)?", text))


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    tables = everything()
    for name in ("stories", "story_events", "story_risks"):
        tables[name] = tables[name].replace("ada", HOSTILE)
    tables["story_events"] = tables["story_events"].replace("purchase", f"=1+1{HOSTILE}")
    tables["by_segment"] = tables["by_segment"].replace("loyal", HOSTILE)
    configuration = pd.DataFrame({"key": ["source"], "value": [HOSTILE]})
    report: dict[str, Any] = {"configuration": Made().report["configuration"] | {"source": HOSTILE}}
    write_page(Made(report, **tables | {"configuration": configuration}), path)

    with browser.opened(path) as page:
        title, images = page.run("document.title"), page.run("document.images.length")
        scripts = page.run("document.scripts.length")
        shown = page.page.locator("#stories h3").first.inner_text()
        rows = downloaded(page, "story_1-type.csv")
        said = page.said

    assert title.startswith("Backtest report")
    assert (images, scripts) == (0, 3)
    assert shown == HOSTILE
    # A spreadsheet must not take what a customer was called for a formula.
    assert rows[0]["type"].startswith("'=1+1")
    assert said == []


@pytest.mark.parametrize(
    ("report", "tables", "left_out"),
    [
        (
            {"mode": "landmarks"},
            dict.fromkeys(("lead_time", "lead_summary", "reasons", "budgets")),
            {"lead": "nothing was decided", "budgets": "nothing was decided"},
        ),
        ({}, {"importance": None, "reasons": None}, {"reasons": "does not tell"}),
        ({}, dict.fromkeys(everything()), {"ranking": "known outcome", "stories": "no customer"}),
        ({}, {"models": everything()["models"].head(1)}, {"models": "one model"}),
    ],
)
def test_a_section_without_data_says_why(
    report: dict[str, Any], tables: dict[str, Any], left_out: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    write_page(Made(report, **tables), path)
    text = path.read_text(encoding="utf-8")

    for section, why in left_out.items():
        found = re.search(rf'<section id="{section}".*?</section>', text, re.DOTALL)
        assert found is not None
        assert "data-chart" not in found[0]
        assert why in found[0]


def test_it_is_small(page: Path) -> None:
    assert page.stat().st_size < 1_500_000


def test_the_figures_are_there_for_a_notebook(findings: Findings) -> None:
    drawn = figures(findings)

    assert {"roc", "calibration", "profit", "survival", "story_1"} <= set(drawn)
    # Held to the schema of Vega-Lite, each of them.
    assert all(chart.to_dict()["width"] == "container" for chart in drawn.values())
    with pytest.raises(KeyError):
        drawn["nothing of the kind"]


def test_a_page_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(PageRefused, match="nowhere"):
        write_page(Made(summary=summary()), tmp_path / "nowhere" / "report.html")


def test_a_language_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are en, zh"):
        write_page(Made(), tmp_path / "report.html", "fr")
