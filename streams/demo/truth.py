"""The hidden truth: who came back and who did not, which no topic ever carries.

The simulation goes on past the end of the stream, so that also a prediction made at the very
end can be held against what would have happened.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features import DAY, Millis, format_duration, to_iso
from streams.demo.lives import Nature
from streams.demo.shoppers import Shop


@dataclass(frozen=True)
class Truth:
    """What becomes of every shopper; made with `Truth.of`.

    Parameters
    ----------
    horizon
        H of the label rule, milliseconds.
    until
        How far the truth is known, milliseconds.
    times
        Every shopper's event times, sorted.
    natures
        Every shopper's kind.
    leavers
        When those who left for good were last seen.

    Examples
    --------
    >>> shop = Shop(seed=1, end=1_767_225_600_000, shoppers=20)
    >>> truth = Truth.of(shop)
    >>> truth.kind("shopper-00003")
    'bargain hunter'
    >>> truth.left_at("shopper-00003"), truth.churned("shopper-00003", shop.end)
    (1762179497562, True)
    """

    horizon: Millis
    until: Millis
    times: Mapping[str, array[int]]
    natures: Mapping[str, Nature]
    leavers: Mapping[str, Millis]

    @classmethod
    def of(cls, shop: Shop, horizon: Millis = 30 * DAY) -> Truth:
        """Live every shopper's life to one horizon past the end of the stream.

        Parameters
        ----------
        shop
            The simulation.
        horizon
            H of the label rule, milliseconds.
        """
        until = shop.end + horizon
        times: dict[str, array[int]] = {}
        natures: dict[str, Nature] = {}
        leavers: dict[str, Millis] = {}
        for index in range(shop.shoppers):
            user_id = shop.user_id(index)
            seen = array("q")
            for happening in shop.life(index):
                if happening.at > until:
                    break
                seen.append(happening.at)
            else:
                leavers[user_id] = seen[-1]
            times[user_id] = seen
            natures[user_id] = shop.nature(index)
        return cls(horizon, until, times, natures, leavers)

    def churned(self, user_id: str, at: Millis) -> bool:
        """Return whether the shopper does nothing in (at, at + horizon].

        Raises
        ------
        KeyError
            If there is no such shopper.
        ValueError
            If the horizon reaches past what was simulated.
        """
        ends = at + self.horizon
        if ends > self.until:
            raise ValueError(
                f"the truth at {to_iso(at)} is not known: the simulation ends at "
                f"{to_iso(self.until)}, less than {format_duration(self.horizon)} later"
            )
        times = self.times[user_id]
        following = bisect_right(times, at)
        return following == len(times) or times[following] > ends

    def kind(self, user_id: str) -> str:
        """Return the shopper's kind: loyal, fading, seasonal, one-time, angry, bargain hunter."""
        return self.natures[user_id].value

    def left_at(self, user_id: str) -> Millis | None:
        """Return when a leaver was last seen; None for a shopper who has not left for good."""
        if user_id not in self.times:
            raise KeyError(user_id)
        return self.leavers.get(user_id)

    def active_at(self, at: Millis, active_ms: Millis) -> Iterator[str]:
        """Return the shoppers with an event in [at - active_ms, at).

        Parameters
        ----------
        at
            The moment, milliseconds.
        active_ms
            How far back, milliseconds; A of the label rule.
        """
        for user_id, times in self.times.items():
            if bisect_left(times, at) > bisect_left(times, at - active_ms):
                yield user_id
