"""A connection to Redis that answers or says so: no hidden retries, bounded waits."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

#: Seconds to wait for a connection, and for an answer.
_CONNECT = 3.0
_ANSWER = 10.0


def open_redis(url: str) -> Redis | RedisCluster:
    """Return a client for ``redis://``, ``rediss://`` or ``redis+cluster://``.

    Parameters
    ----------
    url
        As in the settings; may carry a password, so it is never logged.
    """
    if "+cluster://" in url:
        return RedisCluster.from_url(
            url.replace("+cluster", ""),
            socket_connect_timeout=_CONNECT,
            socket_timeout=_ANSWER,
            retry=Retry(NoBackoff(), 0),
        )
    return Redis.from_url(
        url,
        socket_connect_timeout=_CONNECT,
        socket_timeout=_ANSWER,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
