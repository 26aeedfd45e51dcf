"""What takes history: files of events, backtests, and what finished backtests say."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "import": Entry("streams.cli.replaying.importing:import_file", "Send a file of events."),
    "backtest": Entry("streams.cli.replaying.backtest:backtest", "Replay history; test the model."),
    "compare": Entry("streams.cli.replaying.compare:compare", "Tell which backtest judged better."),
    "report": Entry(
        "streams.cli.replaying.report:report", "List, open or publish finished backtests."
    ),
}

__all__ = ["COMMANDS"]
