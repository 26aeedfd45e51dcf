"""What there is to show of a running demo, and of one that has ended: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from features import Millis


@dataclass(frozen=True)
class Progress:
    """How far the stream has come.

    Parameters
    ----------
    start, end
        Event time of the whole simulation, milliseconds.
    reached
        Event time of the last message sent, milliseconds.
    sent, applied
        Messages given to Kafka; events that the workers have committed.
    rate
        Applied events per second.
    elapsed
        Seconds since the demo began.
    """

    start: Millis
    end: Millis
    reached: Millis
    sent: int = 0
    applied: int = 0
    rate: float = 0.0
    elapsed: float = 0.0

    @property
    def share(self) -> float:
        """Share of the event time that has passed, 0 to 1.

        Examples
        --------
        >>> Progress(start=0, end=200, reached=50).share
        0.25
        """
        span = max(self.end - self.start, 1)
        return min(max((self.reached - self.start) / span, 0.0), 1.0)


@dataclass(frozen=True)
class AlertLine:
    """An alert as it is shown.

    Parameters
    ----------
    customer, risk, arm
        Who; how likely to be gone, 0 to 1; ``treated`` or ``holdout``.
    reasons
        In words, the strongest first.
    kind
        What kind of shopper it was, once the truth may be told.
    came_back
        Whether the shopper came within the horizon after all; None while not told.
    """

    customer: str
    risk: float
    arm: str
    reasons: tuple[str, ...] = ()
    kind: str = ""
    came_back: bool | None = None


@dataclass(frozen=True)
class Picture:
    """What the workers and the learner have made of it so far.

    Parameters
    ----------
    customers, decisions, alerts, held_out
        Known customers; risks judged; alerts published; how many of them are held out.
    watermark
        The least watermark of the partitions, milliseconds; None before the first event.
    duplicates, late, refused
        Events seen twice, events that came late, messages gone to the dead letters.
    waiting, learnt
        Predictions whose label is not known yet; examples learnt.
    model
        Version of the model that judges; empty or ``prior`` before anything was learnt.
    latest
        The last alerts, newest first.
    """

    customers: int = 0
    watermark: Millis | None = None
    decisions: int = 0
    alerts: int = 0
    held_out: int = 0
    duplicates: int = 0
    late: int = 0
    refused: int = 0
    waiting: int = 0
    learnt: int = 0
    model: str = ""
    latest: tuple[AlertLine, ...] = ()


@dataclass(frozen=True)
class Quality:
    """How good the risks were.

    Parameters
    ----------
    auc
        Chance that a leaver was judged riskier than one who stayed; None when not known.
    log_loss
        Mean surprise at what happened, in nats; None when not known.
    examples
        How many judgements it is measured on.
    """

    auc: float | None = None
    log_loss: float | None = None
    examples: int = 0


@dataclass(frozen=True)
class KindLine:
    """One kind of shopper at the end.

    Parameters
    ----------
    kind
        In words.
    customers, alerted
        Those still scored; how many of them were ever alerted.
    risk, churned
        Mean risk, and the share that truly does not come back within the horizon.
    """

    kind: str
    customers: int
    alerted: int
    risk: float
    churned: float


@dataclass(frozen=True)
class BandLine:
    """Customers whose risk lies in [low, high).

    Parameters
    ----------
    low, high
        The band.
    customers
        How many.
    predicted, churned
        Their mean risk, and the share that truly does not come back within the horizon.
    """

    low: float
    high: float
    customers: int
    predicted: float
    churned: float


@dataclass(frozen=True)
class DoorLine:
    """A visit that came in over HTTP.

    Parameters
    ----------
    customer, events
        Whose; how many.
    taken, known
        Seconds until they were acknowledged, and until the customer's features said so.
    features
        Some of those.
    """

    customer: str
    events: int
    taken: float
    known: float
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Account:
    """Everything that the summary tells.

    Parameters
    ----------
    seed
        Of the simulation.
    progress, picture
        As they were at the end.
    learning
        Prequential quality: each example judged before it was learnt.
    truth
        Quality at the end against the simulator's hidden truth.
    alerts
        A few alerts, truth told.
    kinds, bands
        By kind of shopper, and by band of risk.
    door
        A visit over HTTP, once there was one.
    commands
        What to try next: command and meaning.
    """

    seed: int
    progress: Progress
    picture: Picture
    learning: Quality
    truth: Quality
    alerts: tuple[AlertLine, ...] = ()
    kinds: tuple[KindLine, ...] = ()
    bands: tuple[BandLine, ...] = ()
    door: DoorLine | None = None
    commands: tuple[tuple[str, str], ...] = ()
