"""What the peers are shown: a batch of rows as weak, strong or plain views, from pixels or from cached features.

The trainer knows samples only by their row. ``PixelBatches`` makes views of pictures on the device (fine-tuning);
``FeatureBatches`` draws among the cached feature vectors of several views (frozen trunk), where the weak view is one
of them and the strong view also loses a share of its features, as cut-out takes a share of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.asm.views import strong_view, weak_view
from labelaudit.nets.inputs import normalise, resize, to_input
from labelaudit.nets.interface import NetSpec

_CLIP = 5.0
_SHARE_OF_DEVICE = 0.5
"""Pixels move to the device as a whole when they fill at most this share of its free memory."""


class Batches(Protocol):
    """Views of samples by row. Every tensor returned is on the training device, float32."""

    def weak(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """One weakly transformed view a sample, (B, ...)."""
        ...

    def strong(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """One strongly transformed view a sample, (B, ...)."""
        ...

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """The views that a sample is judged by, each (B, ...): as it is, and mirrored."""
        ...


class PixelBatches:
    """Views of cached pixels, made for whole batches on the device.

    Args:
        pixels: uint8, (N, s, s, 3); a memory map is read batch by batch unless it fits on the device.
        spec: The network's input size and normalisation.
        device: Where views are made.
    """

    def __init__(self, pixels: NDArray[np.uint8], *, spec: NetSpec, device: torch.device) -> None:
        self._spec = spec
        self._device = device
        self._host = pixels
        self._resident = torch.from_numpy(np.array(pixels)).to(device) if _fits(pixels, device) else None

    def weak(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """One weakly transformed view a sample, (B, 3, size, size), normalised."""
        return normalise(weak_view(self._take(rows), generator, size=self._spec.size), self._spec)

    def strong(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """One strongly transformed view a sample, (B, 3, size, size), normalised."""
        return normalise(strong_view(self._take(rows), generator, size=self._spec.size), self._spec)

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """The picture and its mirror image, each (B, 3, size, size), normalised."""
        view = normalise(resize(self._take(rows), self._spec.size), self._spec)
        return view, view.flip(-1)

    def _take(self, rows: Tensor) -> Tensor:
        """Stored pixels as float32 (B, 3, s, s) in [0, 1], on the device."""
        if self._resident is not None:
            batch = self._resident[rows.to(self._device)]
        else:
            batch = torch.from_numpy(self._host[rows.cpu().numpy()])
            if self._device.type == "cuda":
                batch = batch.pin_memory()
            batch = batch.to(self._device, non_blocking=batch.is_pinned())
        return to_input(batch, size=batch.shape[1])


class FeatureBatches:
    """Views of cached trunk features: a random one of the cached views, with features dropped for the strong view.

    Args:
        features: Scaled features of V views, float16 or float32, (V, N, D), clipped at 5 when shown. View 0 is the
            picture as it is, view 1 its mirror image, further ones are light crops.
        device: Where the heads are.
        strong_drop: Share of features that a strong view loses, in [0, 1).
    """

    def __init__(self, features: Tensor, *, device: torch.device, strong_drop: float = 0.3) -> None:
        self._features = features.to(device)
        self._device = device
        self._drop = strong_drop

    def weak(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """A random cached view a sample, (B, D)."""
        views = torch.randint(len(self._features), rows.shape, generator=generator, device=self._device)
        return self._take(views, rows)

    def strong(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """A random cached view a sample with a share of its features dropped and the rest scaled up, (B, D)."""
        view = self.weak(rows, generator)
        kept = torch.rand(view.shape, generator=generator, device=self._device) >= self._drop
        return view * kept / (1.0 - self._drop)

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """The picture as it is and mirrored, each (B, D)."""
        return [self._take(view, rows) for view in range(min(2, len(self._features)))]

    def _take(self, views: Tensor | int, rows: Tensor) -> Tensor:
        return self._features[views, rows.to(self._device)].float().clamp(-_CLIP, _CLIP)


def standardise(features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Features of any float type (B, D) to float32 with mean 0 and variance 1, clipped at 5 standard deviations."""
    return ((features.float() - mean) / std).clamp(-_CLIP, _CLIP)


def _fits(pixels: NDArray[np.uint8], device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return pixels.nbytes <= free * _SHARE_OF_DEVICE
