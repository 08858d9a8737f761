"""How sure a share is: exact binomial intervals, and shares of wrong labels among what a model flags.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
(1934): with x of n found, the interval's ends are the shares under which x or more, and x or fewer, have the chance
alpha / 2. Never too short, whatever n is.

A flag may be wrong, and how many are depends on the batch: a model that calls 9 % of right labels mislabelled does so
in a batch without one wrong label, where none of its flags holds. So a precision that was measured on other data must
not be carried over; what carries over is how often right labels are flagged (phi) and wrong ones (r). With F the share
that is flagged and v the share of wrong labels, F = v r + (1 - v) phi, hence the share of files that are wrong and
flagged is

    v r = r (F - phi) / (r - phi)

(Rogan and Gladen, "Estimating prevalence from the results of a screening test", American Journal of Epidemiology 107,
1978; for the interval the ends of F's exact one are put in, Lang and Reiczigel, Preventive Veterinary Medicine 113,
2014). On the data that phi and r come from this is F times the flags' expected precision.
"""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE = 0.95
"""Of every interval, both ends together; its lower end alone is passed with a chance of 2.5 %."""


@dataclass(frozen=True, slots=True)
class FlagRates:
    """How often a model flags labels.

    Attributes:
        right: phi, share of the right labels that it flags, in [0, 1].
        wrong: r, share of the wrong labels that it flags, in [0, 1].
    """

    right: float
    wrong: float

    def wrong_share(self, flagged: float) -> float:
        """Share of all files that are flagged and wrong, of the share that is flagged; in [0, flagged]."""
        if self.wrong <= self.right:  # flags that say nothing
            return 0.0
        share = self.wrong * (flagged - self.right) / (self.wrong - self.right)
        return min(max(share, 0.0), flagged)


def exact_interval(found: int, rows: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share.

    Args:
        found: x, in [0, n].
        rows: n; without any, nothing is known.

    Returns:
        Its ends, in [0, 1].
    """
    from scipy.special import betaincinv  # slow to import, and reports without shares do without

    if rows == 0:
        return 0.0, 1.0
    tail = (1.0 - CONFIDENCE) / 2.0
    low = 0.0 if found == 0 else float(betaincinv(found, rows - found + 1, tail))
    high = 1.0 if found == rows else float(betaincinv(found + 1, rows - found, 1.0 - tail))
    return low, high
