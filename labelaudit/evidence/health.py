"""Whether what was trained may be believed: the figures of a finished training in, what is wrong with it out.

Small, noisy and lopsided datasets are hard, not broken, and one fault takes the trust from a whole run: a fault must be
beyond doubt. So sources are held against chance and against each other (``link``) and not against what a good dataset
shows, and a class against its own size. ``tests/torture/training.py`` breaks trainings on purpose, and counts the false
alarms on datasets that are merely hard.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from labelaudit.evidence.link import link, shown_alike
from labelaudit.records import FloatArray, IntArray, ThresholdHistory

SURE_Z = 6.0
"""z of the best source from which another one that learned must show, too: at half the best one's r its z is 3."""
DEAD_SHARE = 0.2
"""Share of the best source's r below which another one is dead beside it ..."""
ALIVE_SHARE, DOUBT_Z = 1 / 3, 2.0
"""... where not even so many standard deviations more would bring it to this share of the best one's z: in a fold of a
few dozen rows a source that knows a third may seem to know nothing."""
LEAST_ROWS = 20
"""Rows of a fold below which it is not told from its answers alone whether its peers collapsed."""
SAME_ANSWER = 0.005
"""Spread of a source's answers, in shares of that of perfect ones, below which all are one answer."""
ONE_CLASS = 0.98
"""Share of the rows that a source calls one class, from which it may have collapsed ..."""
UNEXPLAINED = 0.3
"""... and has where its mean posterior of that class is above the class's share, by this much of what is left to 1."""
WORSE_THAN_GUESSING = 1.05
"""The last epoch's loss in shares of that of guessing, from which training got nowhere."""
STILL = 0.98
"""The last epoch's loss in shares of the first one's, from which it did not fall."""
SWALLOWED = 0.95
"""Share of a class's training rows mined as noisy, from which thresholds have swallowed the class."""
FORGOTTEN = 0.1
"""Mean confidence of a class in shares of its size, below which it is swallowed, too: who knows nothing is at 1."""


class FaultKind(StrEnum):
    """What may be wrong with a training."""

    NOTHING_LEARNED = "nothing_learned"
    """All evidence together knows no more of the labels than chance."""
    DEAD = "dead"
    """A source knows next to nothing while another one learned."""
    ONE_ANSWER = "one_answer"
    """A peer gives all faces the same posterior."""
    ONE_CLASS = "one_class"
    """A peer calls all faces one class."""
    LOSS = "loss"
    """The loss did not fall, or not below that of guessing."""
    SWALLOWED = "swallowed"
    """Thresholds took a class out of the training."""


@dataclass(frozen=True)
class Fault:
    """One thing that went wrong.

    Attributes:
        kind: What.
        sentence: The same for people, with its figures.
    """

    kind: FaultKind
    sentence: str


@dataclass(frozen=True)
class TrainingFigures:
    """The figures of a finished training, of its n audited rows.

    Attributes:
        given: Given labels in [0, K), (n,).
        fold: Of each row, (n,); all 0 = a single run, whose peers have seen the labels that they judge.
        peer1, peer2, ridge: The sources' posteriors, (n, K).
        losses: Mean loss of each epoch, a list a trained fold.
        history: Thresholds through the epochs.
        balance: Power of the inverse class share that weighs the loss.
        setbacks: Where training broke and went on at a lower learning rate, a sentence each.
    """

    given: IntArray
    fold: IntArray
    peer1: FloatArray
    peer2: FloatArray
    ridge: FloatArray
    losses: Sequence[Sequence[float]]
    history: ThresholdHistory
    balance: float = 0.0
    setbacks: tuple[str, ...] = ()

    @property
    def crossed(self) -> bool:
        """True where nobody has judged a label that it had seen."""
        return bool(self.fold.any())

    @property
    def peers(self) -> dict[str, FloatArray]:
        """Both peers by what people call them."""
        return {"peer 1": self.peer1, "peer 2": self.peer2}


def find_faults(figures: TrainingFigures, classes: Sequence[str]) -> list[Fault]:
    """What went wrong with a training, the gravest first; empty where nothing speaks against its verdicts.

    Args:
        figures: Its figures.
        classes: Names of the K classes.
    """
    collapsed = {
        name: find_collapse(name, posterior, figures.given, figures.fold, classes=classes)
        for name, posterior in figures.peers.items()
    }
    found = [find_nothing_learned(figures), *(fault for faults in collapsed.values() for fault in faults)]
    found += [fault for name, fault in find_dead(figures).items() if not collapsed.get(name)]
    found.append(find_idle_loss(figures.losses, guessing=guessing_loss(figures.given, balance=figures.balance)))
    found += find_swallowed(figures.history, figures.given, classes=classes)
    return [fault for fault in found if fault is not None]


def find_nothing_learned(figures: TrainingFigures) -> Fault | None:
    """Whether all evidence together can tell these labels from ones that were dealt out at random."""
    ridge = shown_alike(figures.ridge, figures.given)
    if figures.crossed:
        judging, who = 0.25 * (figures.peer1 + figures.peer2) + 0.5 * ridge, "models that had not seen them tell"
    else:  # the peers of a single run know the labels by heart
        judging, who = ridge, "a ridge that had not seen them tells"
    if not link(judging, figures.given).is_chance:
        return None
    return Fault(
        FaultKind.NOTHING_LEARNED,
        f"nothing could be learned from these labels: {who} them from shuffled ones no better than by chance",
    )


def find_dead(figures: TrainingFigures) -> dict[str, Fault]:
    """Sources that know next to nothing where another one, beyond doubt, knows much: of all rows, or of a fold's."""
    sources = {**figures.peers, "the ridge": shown_alike(figures.ridge, figures.given)}
    every = _folds(figures.fold)
    scopes = [(every, figures.fold >= 0), *(([number], figures.fold == number) for number in every)]
    dead: dict[str, set[int]] = {}
    for folds, rows in scopes:
        for name in _dead_among(sources, figures, rows):
            dead.setdefault(name, set()).update(folds)
    return {
        name: Fault(
            FaultKind.DEAD, f"{name}{_of(folds, figures.fold)} learned next to nothing, though there was much to learn"
        )
        for name, folds in dead.items()
    }


def _dead_among(sources: dict[str, FloatArray], figures: TrainingFigures, rows: NDArray[np.bool_]) -> list[str]:
    """Names of those that know next to nothing of some rows, (n,)."""
    known = {name: link(posterior[rows], figures.given[rows]) for name, posterior in sources.items()}
    found = []
    for name, mine in known.items():
        # What peers of a single run know of labels that they have seen says nothing of the ridge.
        rivals = [known[other] for other in known if other != name and (figures.crossed or name != "the ridge")]
        best = max(rivals, key=lambda each: each.z, default=mine)
        if best.z >= SURE_Z and mine.r < DEAD_SHARE * best.r and mine.z + DOUBT_Z < ALIVE_SHARE * best.z:
            found.append(name)
    return found


def find_collapse(
    name: str, posterior: FloatArray, given: IntArray, fold: IntArray, *, classes: Sequence[str]
) -> list[Fault]:
    """Folds in which a source gives all faces one answer, or calls all faces one class that is not that large.

    Args:
        name: Of the source.
        posterior: Its answers, (n, K).
        given: Given labels in [0, K), (n,).
        fold: Of each row, (n,): each fold has networks of its own.
        classes: Names of the K classes.
    """
    shares = np.bincount(given, minlength=len(classes)) / len(given)  # (K,)
    possible = float(1.0 - (shares**2).sum())  # variance of perfect answers, summed over classes
    same: list[int] = []
    one_class: dict[int, list[int]] = {}
    for number in _folds(fold):
        answers = posterior[fold == number].astype(np.float64)
        if len(answers) < LEAST_ROWS:
            continue
        if float(answers.var(axis=0).sum()) < SAME_ANSWER**2 * possible:
            same.append(number)
            continue
        called = np.bincount(answers.argmax(axis=1), minlength=len(classes))
        k = int(called.argmax())
        if called[k] >= ONE_CLASS * len(answers) and answers[:, k].mean() > shares[k] + UNEXPLAINED * (1 - shares[k]):
            one_class.setdefault(k, []).append(number)
    faults = [Fault(FaultKind.ONE_ANSWER, f"{name}{_of(same, fold)} gives every face the same answer")] if same else []
    return faults + [
        Fault(
            FaultKind.ONE_CLASS,
            f"{name}{_of(folds, fold)} calls every face {classes[k]}, which is the label of {shares[k]:.0%} of them",
        )
        for k, folds in one_class.items()
    ]


def guessing_loss(given: IntArray, *, balance: float = 0.0) -> float:
    """Cross-entropy of who knows nothing but the class shares, in nats, with each class weighed as the loss weighs it.

    With weights w_k of mean 1 over the samples the best guess is q_k = share_k * w_k, and its loss the entropy of q.

    Args:
        given: Given labels, (n,).
        balance: w_k is proportional to share_k ^ -balance.
    """
    counts = np.bincount(given)
    weighed = counts[counts > 0].astype(np.float64) ** (1.0 - balance)
    q = weighed / weighed.sum()
    return float(-(q * np.log(q)).sum())


def find_idle_loss(losses: Sequence[Sequence[float]], *, guessing: float) -> Fault | None:
    """Whether training got anywhere, by its own loss.

    Networks that answer with the class shares have about the loss ``guessing`` in every epoch, or less where mining
    leaves rows out, so a loss above that is worse than knowing nothing.

    Args:
        losses: Of each epoch, a list a trained fold. A single epoch has nothing to be compared with.
        guessing: From ``guessing_loss``.
    """
    for each in losses:
        if len(each) > 1 and each[-1] >= WORSE_THAN_GUESSING * guessing:
            return Fault(
                FaultKind.LOSS,
                f"the loss ended at {each[-1]:.3g}, and guessing by the class shares alone costs {guessing:.3g}",
            )
        if len(each) > 1 and each[-1] >= STILL * each[0]:
            return Fault(
                FaultKind.LOSS, f"the loss did not fall: it began at {each[0]:.3g} and ended at {each[-1]:.3g}"
            )
    return None


def find_swallowed(history: ThresholdHistory, given: IntArray, *, classes: Sequence[str]) -> list[Fault]:
    """Classes that thresholds took out of the training: in the last mined epoch, in most folds.

    A class's thresholds are shares of its mean confidence, which is low where the class is small. So a class is
    forgotten only where it is far below the class's own share, which is what networks show that know nothing.
    """
    shares = np.bincount(given, minlength=len(classes)) / len(given)
    last = history.epoch == history.epoch.max(initial=0)
    faults = []
    for k in np.flatnonzero(shares).tolist():
        mine = last & (history.class_index == k)
        sizes = (history.clean + history.ambiguous + history.noisy)[mine]
        noisy = history.noisy[mine] / np.maximum(sizes, 1)
        confidence = history.mean_confidence[mine]
        if len(sizes) == 0:
            continue
        if np.median(noisy) >= SWALLOWED:
            faults.append(
                Fault(
                    FaultKind.SWALLOWED,
                    f"thresholds swallowed {classes[k]}: {np.median(noisy):.0%} of it was mined as noisy",
                )
            )
        elif np.median(confidence) < FORGOTTEN * shares[k]:
            faults.append(
                Fault(
                    FaultKind.SWALLOWED,
                    f"training forgot {classes[k]}: it is {shares[k]:.1%} of the faces, and the mean confidence in its "
                    f"labels is {np.median(confidence):.2%}",
                )
            )
    return faults


def _folds(fold: IntArray) -> list[int]:
    """Numbers of the folds that hold rows."""
    found: list[int] = np.unique(fold).tolist()
    return found


def _of(folds: Collection[int], fold: IntArray) -> str:
    """`` of fold 2``, `` of folds 1 and 3``; nothing where it is all of them."""
    if len(folds) == len(np.unique(fold)):
        return ""
    names = [str(number + 1) for number in sorted(folds)]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f" of fold{'s' if len(names) > 1 else ''} {listed}"
