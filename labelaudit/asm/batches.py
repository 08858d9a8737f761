"""What the peers are shown: a batch of rows as weak, strong or plain views, from pixels or from cached features.

The trainer knows samples only by their row. ``PixelBatches`` makes views of pictures on the device (fine-tuning);
``FeatureBatches`` draws among the cached feature vectors of several views (frozen trunk), where the weak view is one
of them and the strong view also loses a share of its features, as cut-out takes a share of a picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.asm.parts import Part, whole
from labelaudit.asm.views import strong_view, weak_view
from labelaudit.nets.inputs import normalise, resize, to_input
from labelaudit.nets.interface import NetSpec

_CLIP = 5.0
_SHARE_OF_DEVICE = 0.5
"""Pixels move to the device as a whole when they fill at most this share of its free memory."""


class Batches(Protocol):
    """Views of samples by row. Every tensor returned is on the training device; views are float32."""

    def expect(self, rows: Tensor) -> None:
        """Hears that these rows, (B,), will be taken after those expected before, and can be read meanwhile."""
        ...

    def take(self, rows: Tensor) -> Tensor:
        """What views of some rows, (B,), are made from, (B, ...); whoever holds it indexes it by sample."""
        ...

    def weak(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """One weakly transformed view of each sample of a part, (B, ...); None = of a whole batch."""
        ...

    def strong(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """One strongly transformed view of each sample of a part, (B, ...); None = of a whole batch."""
        ...

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """The views that a sample is judged by, each (B, ...): as it is, and mirrored."""
        ...


class PixelBatches:
    """Views of cached pixels, made for whole batches on the device.

    Args:
        pixels: uint8, (N, s, s, 3). They lie on a GPU as a whole if they fit there; else a memory map is read batch by
            batch, the next one while the GPU works.
        spec: The network's input size and normalisation.
        device: Where views are made.
    """

    def __init__(self, pixels: NDArray[np.uint8], *, spec: NetSpec, device: torch.device) -> None:
        self._spec = spec
        self._device = device
        self._host = pixels
        self._resident = torch.from_numpy(np.array(pixels)).to(device) if _fits(pixels, device) else None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="labelaudit-batches")
        self._expected: deque[tuple[Tensor, Future[Tensor]]] = deque()

    def expect(self, rows: Tensor) -> None:
        """Begins to read these rows, where a GPU would have to wait for that."""
        if self._resident is None and self._device.type != "cpu":
            self._expected.append((rows, self._reader.submit(self._read, rows)))

    def take(self, rows: Tensor) -> Tensor:
        """Stored pixels, uint8, (B, s, s, 3)."""
        if self._resident is not None:
            return self._resident[sent(rows, self._device)]
        if self._expected and torch.equal(self._expected[0][0], rows):
            return sent(self._expected.popleft()[1].result(), self._device)
        self._expected.clear()
        return sent(self._read(rows), self._device)

    def weak(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """One weakly transformed view a sample, (B, 3, size, size), normalised."""
        view = weak_view(to_input(taken, size=taken.shape[1]), generator, size=self._spec.size, part=part)
        return normalise(view, self._spec)

    def strong(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """One strongly transformed view a sample, (B, 3, size, size), normalised."""
        view = strong_view(to_input(taken, size=taken.shape[1]), generator, size=self._spec.size, part=part)
        return normalise(view, self._spec)

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """The picture and its mirror image, each (B, 3, size, size), normalised."""
        taken = self.take(rows)
        view = normalise(resize(to_input(taken, size=taken.shape[1]), self._spec.size), self._spec)
        return view, view.flip(-1)

    def _read(self, rows: Tensor) -> Tensor:
        """Rows of the memory map, in pages that a GPU can fetch by itself."""
        batch = torch.from_numpy(self._host[rows.cpu().numpy()])
        return batch.pin_memory() if self._device.type == "cuda" else batch


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

    def expect(self, rows: Tensor) -> None:
        """There is nothing to read: all features are on the device."""

    def take(self, rows: Tensor) -> Tensor:
        """The rows themselves, (B,)."""
        return sent(rows, self._device)

    def weak(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """A random cached view a sample, (B, D)."""
        part = whole(len(taken)) if part is None else part
        views = torch.randint(len(self._features), (part.total,), generator=generator, device=self._device)
        return self._take(views[part.rows], taken)

    def strong(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """A random cached view a sample with a share of its features dropped and the rest scaled up, (B, D)."""
        part = whole(len(taken)) if part is None else part
        view = self.weak(taken, generator, part=part)
        shape = (part.total, view.shape[1])
        kept = torch.rand(shape, generator=generator, device=self._device)[part.rows] >= self._drop
        return view * kept / (1.0 - self._drop)

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """The picture as it is and mirrored, each (B, D)."""
        taken = self.take(rows)
        return [self._take(view, taken) for view in range(min(2, len(self._features)))]

    def _take(self, views: Tensor | int, taken: Tensor) -> Tensor:
        return self._features[views, taken].float().clamp(-_CLIP, _CLIP)


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Values on a device. The host does not wait for a GPU; what is sent may not be changed in place afterwards."""
    return values.to(device, non_blocking=True)


def standardise(features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Features of any float type (B, D) to float32 with mean 0 and variance 1, clipped at 5 standard deviations."""
    return ((features.float() - mean) / std).clamp(-_CLIP, _CLIP)


def _fits(pixels: NDArray[np.uint8], device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return pixels.nbytes <= free * _SHARE_OF_DEVICE
