"""The page on playbooks says what is so: its files are read, its keys are those that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from features import Definition, build_catalogue
from models.playbooks import STAGES, PolicyWrong, Prior, read_plan, worth
from models.playbooks.plan import KINDS
from models.playbooks.reading import BANDS, CAUSES
from models.understanding import SEGMENTS
from tests.servers import ROOT

PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
NAMES = build_catalogue(Definition()).names


def rows(title: str) -> Iterator[tuple[str, str]]:
    """Yield the cells of the table below a title."""
    section = PAGE.partition(f"\n{title}\n")[2].partition("\n#")[0]
    yield from re.findall(r"^\| `([^`|]+)` \| (.+) \|$", section, re.M)


def known_keys(text: str) -> str:
    with pytest.raises(PolicyWrong) as caught:
        read_plan(text, NAMES)
    return str(caught.value)


def test_every_playbook_of_the_page_is_read() -> None:
    snippets = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
    assert snippets
    for snippet in snippets:
        read_plan(f"version = 1\n{snippet}", NAMES)


def test_every_condition_is_on_the_page_with_its_words_and_there_are_no_others() -> None:
    told = {key: text for key, text in rows("### Whom it is for")}
    wrong = known_keys('version = 1\n[[playbook]]\nname="a"\nwhen={zzzz=1}\naction.kind="nothing"')
    assert "when.zzzz: there is no such key" in wrong
    assert set(told) == {
        *("risk", "band", "cause", "reasons", "segment", "stage", "value", "consent", "traits"),
        "features",
    }
    for key, words in (
        ("band", BANDS),
        ("cause", CAUSES),
        ("segment", SEGMENTS),
        ("stage", STAGES),
    ):
        assert [word for word in words if f"`{word}`" not in told[key]] == []
    assert [kind for kind in KINDS if f"`{kind}`" not in PAGE] == []


@pytest.mark.parametrize(
    "key", ["timezone", "currency", "[holdout]", "[limits]", "[[cap]]", "[steering]"]
)
def test_every_section_is_on_the_page(key: str) -> None:
    assert f"`{key}`" in PAGE or f"`{key}`," in PAGE


def test_the_example_of_a_value_is_reckoned_as_it_is_told() -> None:
    facts = {"orders": 10.0, "order_mean": 80.0, "tenure": 70.0}
    assert "of which the margin is 0.3 × 71.92 × 2.31 = 49.79" in PAGE  # noqa: RUF001
    assert worth(facts, 30.0, Prior(order=4_500)) == pytest.approx(4_979, abs=1)
