"""The benchmarks still run: tiny, on the servers of the tests."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench import scale
from bench.__main__ import FUSED, LEARNING, RIVER, SCORES, main
from bench.against import compare
from bench.commands import parser, told
from bench.latency import at_rate
from bench.shopping import Mix
from bench.stage import Servers
from bench.threshold import Outcome


@pytest.mark.e2e
def test_a_comparison_counts_what_each_has_done(bench_servers: Servers) -> None:
    facts = compare(bench_servers, Mix(events=6_000, customers=600), 1, ["ebbtide", "bare", "loop"])
    assert facts["skipped"] == {}
    rows = {row["peer"]: row for row in facts["rows"]}
    assert list(rows)[2] == "loop", "the same work comes first"
    # That all three decided what they must have is checked by the comparison itself.
    whole, fraction = facts["wanted"]["ours"], facts["wanted"]["a fraction"]
    assert rows["ebbtide"]["decisions"] == rows["bare"]["decisions"] == whole["decisions"]
    assert rows["loop"]["decisions"] == fraction["decisions"]
    assert rows["loop"]["alerts"] == 60
    tables = told(facts)
    assert len(tables.grids) == 2
    assert any(note.startswith("ebbtide / bare: ") for note in tables.notes)


@pytest.mark.e2e
def test_who_decides_something_else_is_not_in_the_table(
    bench_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.against.decided", lambda *_: Outcome(1, 1))
    facts = compare(bench_servers, Mix(events=300, customers=30), 1, ["bare"])
    assert facts["rows"] == []
    assert "instead of 1 and 1" in facts["skipped"]["bare"]


@pytest.mark.e2e
def test_of_every_event_it_is_known_when_it_was_stored_and_of_every_probe_when_it_was_alerted(
    bench_servers: Servers,
) -> None:
    found = at_rate(bench_servers, 400, 0.5, 1, sessions=True)
    assert found["probes"] == 2
    for each, most in (("stored", "stored_most"), ("quantiles", "most")):
        assert 0 < found[each]["0.5"] <= found[each]["0.99"] <= found[most] < 30_000
    assert found["keeps_up"]


def test_what_redis_holds_of_a_customer_is_weighed() -> None:
    _, [everything, third] = scale.record_bytes(replace(scale.QUICK, shoppers=8))
    assert third["pending"] < everything["pending"]
    assert third["both"]["median"] < everything["both"]["median"]


def test_each_command_has_a_smoke_run() -> None:
    for name in ("compare", "scale", "latency", "learner", "collapse", "collecting"):
        assert parser().parse_args([name, "--quick"]).quick


def test_the_core_is_measured_part_by_part(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["--shoppers", "10", "--crowd", "1000", "--rounds", "1", "--json"]
    monkeypatch.setattr("sys.argv", ["bench", *small])
    main()
    rates = json.loads(capsys.readouterr().out)
    assert {SCORES, LEARNING, RIVER, FUSED} <= rates.keys()
    assert all(rate > 0 for rate in rates.values())
