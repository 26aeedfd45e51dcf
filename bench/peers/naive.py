"""What one writes first: an agent that takes one event at a time, GET and SET in Redis, River."""

from __future__ import annotations

import faust
import redis.asyncio as redis
from river import compose, linear_model, optim, preprocessing

from bench.peers.running import Tally, job
from bench.peers.stock import stock_app
from bench.peers.work import (
    Shopper,
    alert_of,
    decode_shopper,
    decode_visit,
    encode_shopper,
    features,
    take,
)

task = job()
tally = Tally(task)
app = stock_app(task)
store = redis.Redis.from_url(task.redis)
alerts = app.topic(task.alerts_topic, value_serializer="raw", key_serializer="raw")
model = compose.Pipeline(
    preprocessing.StandardScaler(), linear_model.LogisticRegression(optim.SGD(0.01))
)
model.learn_one({f"f{n}": float(n) for n in range(25)}, True)


@app.agent(app.topic(task.topic, value_serializer="raw"))
async def watch(stream):
    async for raw in stream:
        tally.start()
        visit = decode_visit(raw)
        key = f"{task.group}:{visit.user_id}"
        data = await store.get(key)
        shopper = Shopper() if data is None else decode_shopper(data)
        risk = take(shopper, visit)
        # River judges every event, as in its own examples; who is alerted is decided as by all.
        vector = features(shopper, visit.time)
        model.predict_proba_one({f"f{n}": value for n, value in enumerate(vector)})
        await store.set(key, encode_shopper(shopper))
        if tally.take(risk):
            await alerts.send(key=visit.user_id.encode(), value=alert_of(visit, risk))
        if tally.complete:
            tally.leave()


if __name__ == "__main__":
    faust.Worker(app, loglevel="warning").execute_from_commandline()
