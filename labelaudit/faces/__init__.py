"""Drawn faces: a small labelled dataset without data, whose wrong and ambiguous labels are known."""

from labelaudit.faces.dataset import DrawnFaces, LabelTruth, draw_dataset, is_written, write_dataset
from labelaudit.faces.draw import draw_face
from labelaudit.faces.expressions import APEXES, CONFUSIONS, EXPRESSIONS, NEUTRAL, Actions, draw_apex, jitter, mix
from labelaudit.faces.parameters import FaceParameters, Identity, Photo, draw_identity, draw_photo

__all__ = [
    "APEXES",
    "CONFUSIONS",
    "EXPRESSIONS",
    "NEUTRAL",
    "Actions",
    "DrawnFaces",
    "FaceParameters",
    "Identity",
    "LabelTruth",
    "Photo",
    "draw_apex",
    "draw_dataset",
    "draw_face",
    "draw_identity",
    "draw_photo",
    "is_written",
    "jitter",
    "mix",
    "write_dataset",
]
