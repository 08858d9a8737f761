"""Every error labelaudit raises on purpose.

The tree::

    LabelAuditError
    ├── SettingsError     an option is out of range, unknown, or contradicts another
    ├── SourceError       a dataset cannot be read, recognised or trusted
    ├── PixelError        one image cannot be decoded; carries the decoder's message
    ├── CacheError        the cache folder cannot be written, is full, or cannot be read back
    ├── WeightsError      pretrained weights are missing, altered or do not fit the network
    ├── TrainingError     training cannot start, go on or be resumed
    │   └── OtherProcessError  another process of the same audit failed or is gone
    ├── RunFolderError    the run folder exists, is locked, or is not a run folder
    ├── ReportError       a report cannot be read or has another schema version
    ├── QueueError        a queue cannot be handed out
    ├── DecisionError     decisions that people returned cannot be used
    └── GateError         limits cannot be checked

Every message is one line for the person at the terminal: what is wrong, where, and what to do about it.
Only ``cli/`` turns errors into exit codes.
"""

from __future__ import annotations


class LabelAuditError(Exception):
    """Base of every error raised on purpose; its text is one line meant for people, whatever names stand in it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class SettingsError(LabelAuditError):
    """An option is out of range, unknown, or contradicts another one."""


class SourceError(LabelAuditError):
    """A dataset cannot be read, recognised or trusted."""


class PixelError(LabelAuditError):
    """One image cannot be decoded. Never ends a run: the image becomes an ``unreadable`` row."""


class CacheError(LabelAuditError):
    """The cache folder cannot be written, is full, or cannot be read back."""


class WeightsError(LabelAuditError):
    """Pretrained weights are missing, altered, or do not fit the network."""


class TrainingError(LabelAuditError):
    """Training cannot start, go on, or be resumed."""


class OtherProcessError(TrainingError):
    """Another process of the same audit failed, or is gone; the first process tells people."""


class RunFolderError(LabelAuditError):
    """The run folder exists already, is in use by another process, or is not a run folder."""


class ReportError(LabelAuditError):
    """A report cannot be read, or was written with another schema version."""


class QueueError(LabelAuditError):
    """A queue cannot be handed out: nothing to ask about, no pictures, or nowhere to write."""


class DecisionError(LabelAuditError):
    """Decisions that people returned cannot be used with this report."""


class GateError(LabelAuditError):
    """Limits cannot be checked."""
