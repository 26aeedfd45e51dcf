"""The page of a comparison: what it says, that it is whole, and that nothing in it is trusted."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.report import Comparison, Run, compare, write_comparison
from streams.report.page.versus import forest, versus_page

#: A folder of somebody who does not mean well.
EVIL = "</script><img src=x onerror=alert(1)>"


def two(name: str = "two", horizon: str = "28d", threshold: float | None = None) -> Comparison:
    chance = np.random.default_rng(5)
    labels = chance.integers(0, 2, 300).astype(float)
    one = Run(
        name="one",
        model="bayes",
        folder=Path("shop"),
        customers=np.array([f"c{place // 3}" for place in range(300)], dtype=object),
        causes=np.array(["silence"] * 300, dtype=object),
        at=np.arange(300) * 86_400_000,
        risks=np.clip(labels * 0.3 + chance.uniform(0, 0.7, 300), 0.01, 0.99),
        labels=labels,
        horizon="28d",
        threshold=threshold,
    )
    other = replace(one, name=name, horizon=horizon, risks=chance.permutation(one.risks))
    return compare([one, other])


def charts(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S)
    assert found
    told: dict[str, object] = json.loads(found[1])
    return told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_difference_is_drawn_and_stands_in_the_table(language: str) -> None:
    found = two()
    page = versus_page(found, language)
    assert set(charts(page)["charts"]) == {f"difference_{metric}" for metric in found.standings}  # type: ignore[call-overload]
    for standings in found.standings.values():
        assert f"{standings[1].difference:+.4f}".replace("-", "\N{MINUS SIGN}") in page
    assert "{" not in re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)


def test_the_verdict_is_that_of_the_comparison() -> None:
    assert "one is better." in versus_page(two())
    assert "one ranks its customers better." in versus_page(two(horizon="14d"))
    assert "What cannot be told" in versus_page(two(horizon="14d"))


def test_what_cannot_be_compared_is_not_drawn() -> None:
    found = two(horizon="14d")
    assert set(charts(versus_page(found))["charts"]) == {"difference_auc", "difference_skill"}  # type: ignore[call-overload]
    assert forest(found.standings["log_loss"], "log_loss") is None


def test_names_are_text_wherever_they_stand() -> None:
    page = versus_page(two(EVIL))
    assert EVIL not in page and "<img src=x" not in page
    tables = json.dumps(charts(page)["tables"])
    assert json.dumps(EVIL)[1:-1] in tables


def test_a_page_that_could_not_be_made_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="no words in 'xx'"):
        write_comparison(two(), path, "xx")
    assert path.read_text() == "old"
    write_comparison(two(), path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
