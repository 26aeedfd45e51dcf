"""The page of an effect: did acting on alerts help, how that became known, and of which data."""

from streams.report.page.effect.origin import Read
from streams.report.page.effect.page import effect_page

__all__ = ["Read", "effect_page"]
