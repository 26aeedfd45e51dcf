"""How processes share the suite: one waits for servers while another reckons.

A file stays whole, and files that look at one run stay together, so that nothing is set up twice.
Every other process takes what waits for workers and servers, which leaves a part of a core idle;
the others take the rest. Each goes through its lane in the same order every time, and who is
through helps the others. Whoever crashes is replaced: its test has failed, and the rest of its
tests are run by others.
"""

from __future__ import annotations

from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

#: The lane of those who wait.
WAITING: Final = ("tests/chaos/", "tests/e2e/")
#: Files that share a run which takes long: a fixture of the session.
TOGETHER: Final = {
    "tests/e2e/test_explaining.py": "tests/e2e/test_cdnow.py",
    "tests/e2e/test_inspecting.py": "tests/e2e/test_cdnow.py",
    "tests/e2e/test_learner.py": "tests/e2e/test_same_state.py",
}
#: Begun first, the longest first: who comes to them last leaves the others idle.
LONG: Final = (
    "tests/chaos/test_chaos.py",
    "tests/e2e/test_cdnow.py",
    "tests/e2e/test_same_state.py",
    "tests/e2e/test_verify.py",
    "tests/e2e/test_stopping.py",
    "tests/e2e/test_refusing.py",
    "tests/e2e/test_waiting.py",
    "tests/e2e/test_backtest.py",
    "tests/e2e/test_quality.py",
    "tests/e2e/test_starting.py",
    "tests/e2e/test_dlq.py",
    "tests/e2e/test_budgets.py",
    "tests/e2e/test_reloading.py",
    "tests/e2e/test_collecting.py",
    "tests/e2e/sdks/test_sdks.py",
    "tests/e2e/test_subscribing.py",
    "tests/e2e/test_playbooks.py",
    "tests/e2e/test_visitors.py",
    "tests/e2e/test_disagreeing.py",
    "tests/e2e/test_notifying.py",
    "tests/test_servers.py",
    "tests/test_deadlines.py",
    "tests/streams/cli/replaying/test_backtest.py",
    "tests/streams/demo/test_demo_command.py",
    "tests/streams/report/test_comparing.py",
    "tests/streams/replay/test_backtesting.py",
    "tests/streams/live/test_machine.py",
)


class Lanes(LoadScopeScheduling):
    """Gives each process its lane, the long files first."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(file, file)

    def _assign_work_unit(self, node: Any) -> None:
        # By age: if one crashes, the others move up, and no lane is forsaken.
        waits = sorted(self.nodes, key=_age).index(node) % 2 == 0
        lane = [scope for scope in self.workqueue if scope.startswith(WAITING) is waits]
        chosen = min(lane or self.workqueue, key=_rank)
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        # Who replaces another is there before it knows the tests.
        if node in self.registered_collections:
            super()._reschedule(node)

    def schedule(self) -> None:
        super().schedule()
        # A process comes to its last test only when it is told of one after it, or of the end: a
        # replacement that has got a single one would wait for ever.
        for node in self.nodes:
            self._reschedule(node)

    def remove_node(self, node: Any) -> str | None:
        left = self.assigned_work.pop(node)
        open_tests = [
            (unit, test) for unit in left.values() for test, ended in unit.items() if not ended
        ]
        if not open_tests:
            return None
        # It has ended this process, and would end the next and the one after that.
        unit, crashed = open_tests[0]
        unit[crashed] = True
        self.workqueue |= {scope: unit for scope, unit in left.items() if not all(unit.values())}
        for other in self.nodes:
            self._reschedule(other)
        return crashed


def _age(node: Any) -> int:
    return int(node.gateway.id.removeprefix("gw"))


def _rank(scope: str) -> int:
    return LONG.index(scope) if scope in LONG else len(LONG)
