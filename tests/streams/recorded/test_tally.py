from __future__ import annotations

from features import Event
from streams.recorded.sources import RejectedRow
from streams.recorded.tally import Distinct, Tally


def test_many_customers_are_counted_closely_in_bounded_memory() -> None:
    customers = Distinct(bound=2_000)
    for number in [*range(50_000), *range(50_000)]:
        customers.add(f"customer-{number}")
    assert not customers.exact
    assert abs(customers.count - 50_000) < 5_000  # four standard errors


def test_few_customers_are_counted_exactly() -> None:
    customers = Distinct(bound=2_000)
    for number in range(2_000):
        customers.add(str(number))
    assert (customers.count, customers.exact) == (2_000, True)


def test_twenty_rejected_rows_are_shown_and_all_are_counted_by_reason() -> None:
    tally = Tally()
    for line in range(30):
        tally.add(RejectedRow(line, f"no number: {line}", "no number"))
    assert len(tally.rejections) == 20
    assert tally.as_dict()["rejected_by_reason"] == {"no number": 30}


def test_a_million_types_do_not_fill_memory() -> None:
    tally = Tally()
    for number in range(3_000):
        tally.add(Event(event_id="e", user_id="ada", type=f"type-{number}", time=number))
    assert len(tally.types) == 1_001
    assert tally.types.total() == 3_000
    assert (tally.first, tally.last) == (0, 2_999)
