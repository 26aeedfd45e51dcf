"""How the state in Redis, and what was decided, are held to the log."""

from streams.verify.reach import CannotVerify, moved_from
from streams.verify.records import Records
from streams.verify.redeciding import Redeciding, Retold
from streams.verify.verdicts import Finding, Verdict
from streams.verify.verifying import Report, System, verify

__all__ = [
    "CannotVerify",
    "Finding",
    "Records",
    "Redeciding",
    "Report",
    "Retold",
    "System",
    "Verdict",
    "moved_from",
    "verify",
]
