"""Sample ratio mismatch: whether the arms have the sizes that the draw should have given them.

When they have not, something chose customers after they were drawn (a filter that knows the arm,
alerts that were lost for one arm only), and no difference between the arms means anything.

Source: Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments",
KDD 2019; the alarm at p below .001 is theirs.
"""

from __future__ import annotations

from typing import Final

#: Below that chance it was no accident.
ALARM: Final = 0.001


def mismatch(treated: int, held_out: int, holdout: float) -> float:
    """Return the chance of arms so far from their share, or farther, if all is well.

    Parameters
    ----------
    treated, held_out
        How many customers are in each arm.
    holdout
        The share that was to be held out.

    Returns
    -------
    float
        Pearson's chi-squared with one degree of freedom; 0 where an arm cannot be, and is; 1
        where nobody is.

    Examples
    --------
    >>> round(mismatch(905, 95, 0.1), 2), mismatch(950, 50, 0.1) < ALARM
    (0.6, True)
    """
    both = treated + held_out
    if not both:
        return 1.0
    expected = both * holdout
    if not 0 < expected < both:
        return 1.0 if held_out == expected else 0.0
    # Here, because it takes long to import.
    from scipy.special import chdtrc

    off = (held_out - expected) ** 2
    return float(chdtrc(1, off / expected + off / (both - expected)))
