"""What the demo shows: it fits, it says what it was given, and it stays in its place."""

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from features import DAY
from streams.demo.show import (
    LATEST_ALERTS,
    Account,
    AlertLine,
    BandLine,
    DoorLine,
    KindLine,
    Picture,
    Progress,
    Quality,
    live_table,
    summary,
)

END = 1_767_225_600_000
PROGRESS = Progress(END - 180 * DAY, END, END - 90 * DAY, 91_204, 90_876, 4_812.0, 21.3)
ALERT = AlertLine(
    "shopper-00042", 0.83, "holdout", ("silent for 31 days [sic]", "complaint"), "angry", False
)
PICTURE = Picture(customers=2_214, alerts=612, model="logistic-41", latest=(ALERT,) * 9)
QUALITY = Quality(0.842, 0.412, 9_321)
ACCOUNT = Account(
    seed=7,
    progress=PROGRESS,
    picture=PICTURE,
    learning=QUALITY,
    truth=Quality(0.861, 0.401, 2_478),
    alerts=(ALERT,),
    kinds=(KindLine("bargain hunter", 264, 66, 0.37, 0.38),),
    bands=(BandLine(0.2, 0.4, 700, 0.31, 0.28), BandLine(0.8, 1.0, 0, 0.0, 0.0)),
    door=DoorLine("web-visitor", 5, 0.0123, 1.26, {"views_7d": 2.0, "spent": 25.5}),
    commands=(("ebb inspect shopper-00042", "what is known about a shopper"),),
)


def shown(renderable: RenderableType, width: int = 80, terminal: bool = False) -> str:
    file = StringIO()
    Console(file=file, width=width, force_terminal=terminal).print(renderable)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_everything_fits_and_nothing_is_coloured_in_a_pipe(width: int) -> None:
    for text in (
        shown(live_table(PROGRESS, PICTURE, QUALITY), width),
        shown(summary(ACCOUNT), width),
    ):
        assert "\x1b" not in text
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_a_terminal_gets_colour() -> None:
    assert "\x1b[" in shown(summary(ACCOUNT), terminal=True)


def test_the_live_picture_keeps_its_height() -> None:
    empty = shown(live_table(Progress(0, 1, 0), Picture(), Quality()))
    full = shown(live_table(PROGRESS, PICTURE, QUALITY))
    assert empty.count("\n") == full.count("\n")
    assert full.count("shopper-00042") == LATEST_ALERTS


def test_before_anything_is_learnt_the_picture_says_so() -> None:
    text = shown(live_table(Progress(0, 1, 0), Picture(model="prior"), Quality()))
    assert "the prior, nothing learnt yet" in text
    assert "no label known yet" in text


def test_the_summary_tells_the_truth_it_was_given() -> None:
    text = shown(summary(ACCOUNT), 120)
    for words in (
        "watched 2,214 shoppers for 180 days in 21 seconds (seed 7)",
        "silent for 31 days [sic]",
        "a visit of 5 events over HTTP, taken after 12 ms and known after 1.3 s: views_7d 2, spent",
        "complaint",
        "held out",
        "gone",
        "66 (25%)",
        "AUC 0.861, log loss 0.401, over 2,478 customers",
        "0.2 to 0.4",
        "ebb inspect shopper-00042  what is known",
    ):
        assert words in text
    assert "came back" not in text


def test_a_band_without_customers_claims_nothing() -> None:
    line = next(line for line in shown(summary(ACCOUNT)).splitlines() if "0.8 to 1.0" in line)
    assert line.split() == ["0.8", "to", "1.0", "0", "-", "-"]
