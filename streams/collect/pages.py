"""What SDKs fetch before they send: the settings documents, and our own tracker."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from streams.collect.tracker import compressed, etag, script

#: Seconds for which a browser keeps the tracker.
_KEPT: Final = "public, max-age=3600"


def segment_settings(key: str, address: str) -> dict[str, Any]:
    """Return what ``@segment/analytics-next`` wants: where to send, and that nothing is loaded.

    Parameters
    ----------
    key
        The write key, as it was asked for.
    address
        Of this collector, such as ``https://events.shop.example``.

    Examples
    --------
    >>> document = segment_settings("ebb_k", "https://events.shop.example")
    >>> document["integrations"]["Segment.io"]["apiHost"]
    'events.shop.example/v1'
    """
    parts = urlsplit(address)
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{parts.netloc}{parts.path}/v1",
                "protocol": parts.scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                "type": "browser",
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudder_settings(key: str, name: str, address: str) -> dict[str, Any]:
    """Return what RudderStack's web SDK wants: a source that is on, and no destinations.

    Parameters
    ----------
    key
        The write key, as it was asked for.
    name
        Of the source.
    address
        Of this collector.

    Examples
    --------
    >>> rudder_settings("ebb_k", "web", "https://events.shop.example")["source"]["enabled"]
    True
    """
    quiet = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    return {
        "source": {
            "id": name,
            "name": name,
            "writeKey": key,
            "enabled": True,
            "workspaceId": "ebbtide",
            "config": {"statsCollection": quiet},
            "connections": [],
            "destinations": [],
            "dataplanes": {"US": [{"url": address, "default": True}]},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }


async def tracker(request: Request) -> Response:
    """Return our own tracker."""
    headers = {"cache-control": _KEPT, "etag": etag(), "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == etag():
        return Response(status_code=304, headers=headers)
    body = script()
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        body = compressed()
    return Response(body, headers=headers, media_type="text/javascript")
