"""A door that lets everybody in and keeps nothing: the same server, without the collector."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """Read the body, and say that it came."""
    await request.body()
    return Response(b'{"success":true}', media_type="application/json")


app = Starlette(routes=[Route("/v1/batch", echo, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
    )
