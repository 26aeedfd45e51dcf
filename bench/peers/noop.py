"""A stock Faust agent that does nothing: what Faust itself costs."""

from __future__ import annotations

import faust

from bench.peers.running import Tally, job
from bench.peers.stock import stock_app

task = job()
tally = Tally(task)
app = stock_app(task)


@app.agent(app.topic(task.topic, value_serializer="raw"))
async def nothing(stream):
    async for _ in stream:
        tally.start()
        tally.events += 1
        if tally.complete:
            tally.leave()


if __name__ == "__main__":
    faust.Worker(app, loglevel="warning").execute_from_commandline()
