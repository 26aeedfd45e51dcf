"""The page of an effect as a reader meets it, and that it says what was measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from string import Formatter

import msgspec
import pytest

from features import DAY, HOUR
from models.deciding import Alert
from models.effect import DIMENSIONS, FIGURES, REASONS, RESPONSE, Rules
from models.judging import LANGUAGES
from streams.effect import Asked, Joined, join
from streams.report import PageRefused, write_effect
from streams.report.page.words import TERM, read_words, words_of
from tests.browser import PHONE, Browser, Opened
from tests.streams.effect.small_shop import GONE, HORIZON, small_shop
from tests.streams.effect.test_joining import Made

HOSTILE = "</script><img src=x onerror=alert(1)>"
OWN = read_words("effect.toml")
RULES = Rules(horizon=HORIZON, gone=GONE, holdout=0.3, margin=0.4, cost=0.5)
ASKED = Asked(RULES, ("action",), lambda kind: True, lateness=HOUR, skew=DAY, looks=20)


def told(
    asked: Asked = ASKED,
    customers: int = 600,
    change: Callable[[Alert], Alert] = lambda alert: alert,
) -> Joined:
    """Return what came of a small shop, whose alerts may be others."""
    shop = small_shop(7, customers)
    done = [(event.at, event) for event in shop.events]
    return join(Made([change(each) for each in shop.alerts], done), asked)


@pytest.fixture(scope="module")
def joined() -> Joined:
    return told()


@pytest.fixture(scope="module")
def page(joined: Joined, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("effect") / "effect.html"
    sources = ("alerts.jsonl", "events.jsonl")
    write_effect(joined, ASKED, path, sources=sources, unusable={"events": 3})
    return path


@pytest.fixture(scope="module")
def opened(browser: Browser, page: Path) -> Iterator[Opened]:
    with browser.opened(page) as found:
        yield found


def text_of(path: Path) -> str:
    """Return what a page says, without what makes it move."""
    text = re.sub(r"<(script|style)\b.*?</\1>", "", path.read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


def test_it_asks_for_nothing_but_itself_and_draws_all_of_its_charts(
    opened: Opened, page: Path
) -> None:
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("blob:", "data:"))] == [
        page.as_uri()
    ]
    drawn = opened.run(
        """[...document.querySelectorAll("figure.chart")].filter((figure) =>
            [...figure.querySelectorAll("svg .role-mark")].some((mark) =>
                mark.getBoundingClientRect().width > 5)).map((figure) => figure.id)"""
    )
    groups = [f"chart-group_{place}" for place in (1, 2)]
    forests = ["chart-forest_returned", "chart-forest_margin"]
    assert drawn == ["chart-returned", "chart-margin", *forests, *groups]


def test_each_chart_has_words_and_a_table_for_those_who_do_not_see_it(opened: Opened) -> None:
    labels = opened.run('[...document.querySelectorAll("[data-chart]")].map((e) => e.ariaLabel)')
    assert all(len(label) > 30 for label in labels)
    assert "zero has been outside" in labels[0]
    assert opened.run('document.querySelectorAll("[data-chart][role=img]").length') == len(labels)
    tables = opened.page.locator("#time details.folded table")
    assert [tables.nth(each).is_visible() for each in range(2)] == [False, False]
    opened.page.locator("#time details.folded summary").first.click()
    assert tables.first.is_visible()
    levels = opened.run('[...document.querySelectorAll("h1,h2,h3")].map((h) => +h.tagName[1])')
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_the_table_behind_a_chart_ends_with_what_the_verdict_says(
    opened: Opened, joined: Joined
) -> None:
    found = joined.measured.lines[0].figures["returned"]
    opened.run('document.querySelector("#time details").open = true')
    last = opened.page.locator("#time details.folded table").first.locator("tr").last.inner_text()
    value = words_of("effect", "en").number("lift", found.difference.estimate)
    assert value in last
    assert last.split()[-2:] == [str(found.treated), str(found.held_out)]
    assert value in opened.page.locator("#verdict .number").first.inner_text()


def test_a_phone_shows_it_without_scrolling_sideways_and_paper_cuts_nothing(
    browser: Browser, page: Path
) -> None:
    with browser.opened(page, PHONE) as phone:
        assert phone.run("document.documentElement.scrollWidth - window.innerWidth") <= 0
    with browser.opened(page) as printed:
        printed.page.set_viewport_size({"width": 688, "height": 1000})
        printed.page.emulate_media(media="print")
        printed.run('window.dispatchEvent(new Event("beforeprint"))')
        beyond = printed.run(
            """[...document.querySelectorAll("[data-chart] > svg, table")].filter((each) =>
                each.getBoundingClientRect().right > 690).length"""
        )
        assert beyond == 0
        assert not printed.page.locator("details.folded").first.is_visible()


def test_it_says_what_was_measured_what_was_asked_and_of_which_data(
    page: Path, joined: Joined
) -> None:
    said = text_of(page)
    overall = joined.measured.lines[0]
    assert f"{overall.treated + overall.held_out} customers were alerted" in said
    assert "Verdict Keep it." in said
    assert "offer: keep." in said
    assert "remind: not yet. The bounds still hold zero" in said
    words = words_of("effect", "en")
    for line in joined.measured.lines:
        for name in FIGURES:
            kind = "gain" if name == "margin" else "lift"
            difference = line.figures[name].difference
            for value in (difference.estimate, difference.low, difference.high):
                assert words.number(kind, value) in said
    assert "30.0 % were drawn: such sizes are to be expected" in said
    assert "told apart by action" in said
    assert "read from alerts.jsonl, events.jsonl" in said
    assert "3 that are no events were skipped" in said
    assert "{" not in said


def test_where_the_groups_are_not_what_was_drawn_no_difference_is_shown_off(tmp_path: Path) -> None:
    path = tmp_path / "effect.html"

    def of_gift(alert: Alert) -> Alert:
        shares = {"playbook": "gift", "holdout_share": 0.55, "variant_share": 1.0}
        return msgspec.structs.replace(alert, **shares) if alert.risk > 0.8 else alert

    write_effect(told(change=of_gift), ASKED, path)
    said = text_of(path)
    assert "Verdict The groups are not what was drawn." in said
    assert "of playbook gift" in said
    assert "Should be" in said
    assert "Who come back" not in said


def test_before_there_are_bounds_it_says_how_many_it_takes(tmp_path: Path) -> None:
    path = tmp_path / "effect.html"
    write_effect(told(customers=90), ASKED, path)
    said = text_of(path)
    assert "Not yet: nobody can know." in said
    assert "There are no bounds yet: of 50 customers of each group" in said
    assert "without bounds yet: it takes 50" in said
    assert "nan" not in said and "inf" not in said
    early = replace(ASKED, rules=replace(RULES, since=2**42))
    write_effect(told(early), early, path)
    assert "No customer counts." in text_of(path)


def test_a_group_that_nobody_means_well_with_is_text(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "effect.html"
    asked = replace(ASKED, dimensions=("playbook",))
    evil = told(asked, change=lambda alert: msgspec.structs.replace(alert, playbook=HOSTILE))
    write_effect(evil, asked, path, sources=[HOSTILE])
    with browser.opened(path) as page:
        assert (page.run("document.images.length"), page.said) == (0, [])
        assert HOSTILE in page.page.locator("#verdict").inner_text()


def test_it_speaks_chinese(tmp_path: Path) -> None:
    path = tmp_path / "effect.html"
    write_effect(told(), ASKED, path, "zh")
    said = text_of(path)
    assert "结论 继续。" in said
    assert set(re.findall(r"[A-Za-z]{3,}", said)) <= {
        "Ebbtide",
        "CRM",
        "CUPED",
        "CSV",
        "JavaScript",
    }


def test_what_cannot_be_written_is_told(joined: Joined, tmp_path: Path) -> None:
    with pytest.raises(PageRefused, match="nowhere"):
        write_effect(joined, ASKED, tmp_path / "nowhere" / "effect.html")


# -- its words -------------------------------------------------------------------------------------


def fields(text: str) -> set[tuple[str | None, str | None]]:
    return {(name, kind) for _, name, kind, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", OWN["say"])
def test_a_sentence_asks_for_the_same_numbers_in_every_language(name: str) -> None:
    texts = OWN["say"][name]
    assert set(texts) == set(LANGUAGES)
    assert len({frozenset(fields(text)) for text in texts.values()}) == 1
    assert len({frozenset(key for key, _ in TERM.findall(text)) for text in texts.values()}) == 1
    assert all(key in OWN["glossary"] for key, _ in TERM.findall(texts["en"]))


def test_every_word_is_there_in_every_language() -> None:
    assert [name for name, texts in OWN["word"].items() if set(texts) != set(LANGUAGES)] == []
    assert all(set(entry["term"]) == set(LANGUAGES) for entry in OWN["glossary"].values())


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_its_words_and_tells_all_of_its_numbers(code: str) -> None:
    wanted = {name for _, name, _, _ in Formatter().parse(REASONS[code]) if name}
    found = {name for name, _ in fields(OWN["say"][f"effect.because.{code}"]["en"])}
    # In how many weeks is a sentence of its own.
    assert found == wanted - {"weeks"}


def test_whatever_is_told_apart_has_a_name() -> None:
    words = words_of("effect", "zh")
    assert [by for by in (*DIMENSIONS, RESPONSE) if not words.knows(f"by_{by}")] == []
