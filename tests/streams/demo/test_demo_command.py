"""The demo from end to end, small: everything starts, is told, and is gone afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.e2e.examples import Crm, lines_of
from tests.e2e.sdks.installing import installed
from tests.servers import ROOT, clean_environment, wait_for

pytestmark = pytest.mark.e2e
#: Half a year, so that there is something to learn from; and as little as the demo takes.
TELLING = ("--shoppers", "250", "--days", "180", "--seconds", "6", "--seed", "12")
SMALL = ("--shoppers", "40", "--days", "60", "--seconds", "3", "--seed", "11")


def _demo(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "demo", *arguments],
        cwd=ROOT,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if "--json" not in arguments else subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _left(folder: Path) -> list[str]:
    """Return the command lines of processes that still have to do with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = os.readlink(process / "cwd")
        except OSError:
            continue
        if str(folder) in words or where.startswith(str(folder)):
            found.append(words)
    return found


def test_the_demo_tells_how_good_it_was_and_leaves_nothing_running(tmp_path: Path) -> None:
    process = _demo(*TELLING, "--json", "--data", str(tmp_path / "data"))
    try:
        said, _ = process.communicate(timeout=180)
    finally:
        process.kill()

    assert process.returncode == 0
    account = json.loads(said)
    assert account["picture"]["customers"] == 250
    assert account["picture"]["alerts"] > 0
    assert account["progress"]["applied"] <= account["progress"]["sent"]
    assert account["picture"]["learnt"] > 0
    assert account["truth"]["auc"] > 0.6
    assert all(alert["reasons"] for alert in account["alerts"])
    assert sum(band["customers"] for band in account["bands"]) == account["truth"]["examples"]
    # A visit over HTTP is known, and is none of the simulated shoppers'.
    door = account["door"]
    assert door["features"] == {"views_7d": 2, "carts_30d": 1, "orders": 1, "spent": 25}
    assert 0 < door["taken"] < door["known"]
    assert _left(tmp_path) == []


def test_a_kept_demo_answers_other_commands_until_it_is_stopped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = _demo(*SMALL, "--keep", "--data", str(data))
    try:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "keeps running" in line:
                break
        assert "keeps running" in told, told

        customer = told.split("ebb inspect ")[1].split()[0]
        environ = clean_environment({"EBB_CONFIG": str(data / "ebbtide.toml")})

        def asked(*words: str) -> Any:
            command = [sys.executable, "-m", "streams.cli", *words, "--json"]
            answer = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=60)
            return json.loads(answer.stdout)

        assert asked("inspect", customer)["customer"] == customer
        # Its broker's groups begin with the generation 0.
        stands = asked("status")
        [worker] = stands["workers"]
        assert worker["partitions"] == [each["partition"] for each in stands["partitions"]]

        shop = re.search(r"http://127\.0\.0\.1:\d+/", told)
        assert shop is not None, told
        with urlopen(shop[0], timeout=10) as page:
            text = page.read().decode()
        tracker = re.search(r'src="([^"]+/ebb\.js)" data-key="ebb_[^"]+"', text)
        assert tracker is not None, text
        # A browser that keeps its connection keeps nobody from leaving.
        browser = HTTPConnection(urlsplit(tracker[1]).netloc, timeout=10)
        browser.request("GET", "/ebb.js")
        assert browser.getresponse().read().startswith(b"/*! ebb.js")

        # What is in examples/ for whoever subscribes to the alerts works here, too.
        kafka = tomllib.loads((data / "ebbtide.toml").read_text())["kafka"]["bootstrap"]
        languages = ("python", "node") if installed().node else ("python",)
        arguments = ("--kafka", kafka, "--late", "--limit", "1")
        crms = [Crm(each, tmp_path / each).start(*arguments) for each in languages]
        for crm in crms:
            [line] = lines_of(crm, 90)
            assert " shopper-" in line

        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        browser.close()
        wait_for("everything has ended", lambda: _left(tmp_path) == [], 10)
    finally:
        process.kill()
        process.wait()
