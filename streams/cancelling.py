"""A task that was told to end ends, though what it waited for has swallowed that.

Until Python 3.12 ``asyncio.wait_for`` loses a cancellation that comes in the very moment in which
what it waits for is through, and the clients of Redis and of Kafka send every request through it.
Who then goes round once more works for ever, and so does whoever waits for its end.
"""

from __future__ import annotations

import asyncio


def obey() -> None:
    """End the task that calls this if it was told to end and did not hear it.

    To be called on each turn by whoever works "until cancelled".

    Raises
    ------
    asyncio.CancelledError
        If the task was cancelled before now.

    Examples
    --------
    >>> async def deaf() -> None:
    ...     while True:
    ...         try:
    ...             await asyncio.sleep(0)
    ...         except asyncio.CancelledError:
    ...             pass  # as a library may do
    ...         obey()
    >>> async def told() -> bool:
    ...     task = asyncio.create_task(deaf())
    ...     await asyncio.sleep(0)
    ...     task.cancel()
    ...     await asyncio.wait([task], timeout=1)
    ...     return task.cancelled()
    >>> asyncio.run(told())
    True
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
