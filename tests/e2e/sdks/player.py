"""Plays a trip with a stock SDK for Python, as the server of a shop would.

A program of its own, that needs nothing of Ebbtide. The first line that it reads says what to
play and to whom; every further line is how many calls come next. At the end of its input it waits
until the SDK is through, and says by its exit code whether the SDK gave anything up.
"""

import importlib
import json
import sys


def calls_of(client):
    return {
        "track": lambda who, call: client.track(
            **who, event=call["event"], properties=call["properties"]
        ),
        "page": lambda who, call: client.page(
            **who, category=call["category"], name=call["name"], properties=call["properties"]
        ),
        "identify": lambda who, call: client.identify(**who, traits=call["traits"]),
        "group": lambda who, call: client.group(
            **who, group_id=call["group"], traits=call["traits"]
        ),
        "alias": lambda who, call: client.alias(call["previous"], who["user_id"]),
    }


def main():
    job = json.loads(sys.stdin.readline())
    client = importlib.import_module(job["module"])
    client.write_key = job["key"]
    setattr(client, job["address"], job["url"])
    given_up = []
    client.on_error = lambda error, items: given_up.append(f"{len(items)} given up: {error!r}")
    calls, left = calls_of(client), job["calls"]
    for line in sys.stdin:
        now, left = left[: int(line)], left[int(line) :]
        for call in now:
            who = {"user_id": call.get("user"), "anonymous_id": call.get("anonymous")}
            calls[call["call"]](who, call)
    client.shutdown()
    print(*given_up, sep="\n")
    return bool(given_up)


if __name__ == "__main__":
    sys.exit(main())
