"""What changes through the epochs: the ramp-up of mutual learning, and the learning rate.

Everything here is a function of how far training has come and keeps no state, so a resumed run goes on exactly.

Ramp-up (MAN 2022; ASM's supplement gives beta = 0.65), held at its top once reached::

    lambda(e) = 0.9 * exp(-beta * (1 - min(e / e_r, 1))^2),    e_r = 0.9 * epochs
"""

from __future__ import annotations

import math

_TOP = 0.9
_RAMP_SHARE = 0.9
_RISE_SHARE = 0.3
_START_DIVISOR = 25.0
_END_DIVISOR = 250_000.0


def ramp_up(epoch: int, epochs: int, *, beta: float = 0.65) -> float:
    """The share lambda of mutual learning, in (0, 0.9].

    Args:
        epoch: The epoch being trained, from 1.
        epochs: Epochs of the whole run, warm-up included.
        beta: Steepness.
    """
    progress = min(epoch / (_RAMP_SHARE * epochs), 1.0)
    return _TOP * math.exp(-beta * (1.0 - progress) ** 2)


def one_cycle(step: int, steps: int, *, peak: float) -> float:
    """Learning rate of one cycle (Smith and Topin, arXiv 1708.07120), for AdamW and few epochs.

    A cosine from peak / 25 up to the peak over the first 30 % of the run, then one down to peak / 250,000, with the
    divisors of ``torch.optim.lr_scheduler.OneCycleLR``. A step takes the rate of its middle, so that a run of a
    single step learns too.

    Args:
        step: Steps done, in [0, steps).
        steps: Steps of the whole run.
        peak: The highest rate.
    """
    progress = (step + 0.5) / steps
    if progress < _RISE_SHARE:
        return _cosine(peak / _START_DIVISOR, peak, share=progress / _RISE_SHARE)
    return _cosine(peak, peak / _END_DIVISOR, share=(progress - _RISE_SHARE) / (1.0 - _RISE_SHARE))


def _cosine(start: float, end: float, *, share: float) -> float:
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * share))
