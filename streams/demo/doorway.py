"""One visit that comes in over HTTP, as a storefront's SDK sends it, until it is known."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from typing import Any, Final
from urllib.request import Request, urlopen

from streams.demo.picture import DoorLine
from streams.demo.playing import Unsettled
from streams.demo.stage import Stage
from streams.live import UnknownCustomer, looking

#: Who comes by; none of the simulated shoppers.
_NAME: Final = "web-visitor"
_TEA: Final = {"product_id": "tea-1", "category": "tea", "price": 12.5, "currency": "EUR"}
_ORDER: Final = {"order_id": "web-order-1", "total": 25.0, "currency": "EUR"}
#: What the shopper does; in the words of the protocol, which the collector translates.
_VISIT: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("Product Viewed", _TEA),
    ("Product Viewed", _TEA | {"product_id": "tea-2"}),
    ("Product Added", _TEA | {"quantity": 2}),
    ("Checkout Started", _ORDER),
    ("Order Completed", _ORDER | {"products": [_TEA | {"quantity": 2}]}),
)
#: The features that say so.
_TOLD: Final = ("views_7d", "carts_30d", "orders", "spent")
#: Seconds until the collector must have answered, and the worker must have applied.
_PATIENCE: Final = 30.0
_LOOK: Final = 0.02


async def visit(stage: Stage, key: str) -> DoorLine:
    """Send a visit through the collector, and wait until its customer's features say so.

    Parameters
    ----------
    stage
        The running system, its door open.
    key
        The write key.

    Raises
    ------
    Unsettled
        If the visit is not taken, or not known of in time.
    """
    began = time.monotonic()
    try:
        await asyncio.to_thread(_send, stage.door, key)
    except OSError as error:
        raise Unsettled(f"the collector at {stage.door} did not take a visit: {error}") from None
    taken = time.monotonic()
    async with looking(stage.loaded.settings) as view:
        while True:
            try:
                found = await view.dossier(_NAME)
            except UnknownCustomer:
                found = None
            if found is not None and found.state.events == len(_VISIT):
                break
            stage.check()
            if time.monotonic() - taken > _PATIENCE:
                raise Unsettled(
                    f"a visit over HTTP was taken, and is not known of {_PATIENCE:.0f} s later"
                )
            await asyncio.sleep(_LOOK)
    return DoorLine(
        customer=_NAME,
        events=len(_VISIT),
        taken=taken - began,
        known=time.monotonic() - began,
        features={name: found.features[name] for name in _TOLD},
    )


def _send(door: str, key: str) -> None:
    messages = [
        {"type": "track", "userId": _NAME, "messageId": f"web-{number}", "event": event}
        | {"properties": properties}
        for number, (event, properties) in enumerate(_VISIT, start=1)
    ]
    shown = b64encode(f"{key}:".encode()).decode()
    request = Request(
        f"{door}/v1/batch",
        json.dumps({"batch": messages}).encode(),
        {"authorization": f"Basic {shown}", "content-type": "application/json"},
    )
    with urlopen(request, timeout=_PATIENCE) as answer:
        answer.read()
