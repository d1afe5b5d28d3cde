"""Which part of the input a position of a layer's maps looks at, probed on the network itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bridge.hooks import watch
from ..bridge.layers import dry_batch
from ..bridge.loaded_model import LoadedModel
from ..ontology.errors import UsageError

MASS = 0.68
"""Share of the gradient's mass, along each axis, in the effective receptive field: one deviation of a Gaussian."""

_NOISES = 4


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top


@dataclass(frozen=True)
class ReceptiveField:
    """How the positions of a layer's maps lie over the input.

    Attributes
    ----------
    input_size, map_size
        Height and width of the network's input, in pixels, and of the layer's maps, in cells.
    support
        Height and width in pixels of what can change the cell in the middle of the map at all (the theoretical
        receptive field, as far as it lies inside the input). In deep networks it is the whole input.
    extent
        Height and width in pixels of the effective receptive field: the smallest interval along each axis around the
        cell's centre that holds `MASS` of the gradient.
    stride
        Pixels from one cell to the next, along height and width.
    origin
        Centre of the first cell, in pixels from the top left corner, along height and width.
    """

    input_size: tuple[int, int]
    map_size: tuple[int, int]
    support: tuple[int, int]
    extent: tuple[int, int]
    stride: tuple[float, float]
    origin: tuple[float, float]

    def box(self, first: tuple[int, int], last: tuple[int, int] | None = None) -> Box:
        """Pixels that cells look at: the effective receptive fields of the cells from `first` to `last`.

        Parameters
        ----------
        first, last
            Row and column of a cell; without `last` the one cell alone.
        """
        edges = []
        for axis in (0, 1):
            low = self.origin[axis] + self.stride[axis] * first[axis] - self.extent[axis] / 2
            high = self.origin[axis] + self.stride[axis] * (last or first)[axis] + self.extent[axis] / 2
            start = min(max(int(np.floor(low + 1e-6)), 0), self.input_size[axis] - 1)
            edges.append((start, max(start + 1, min(int(np.ceil(high - 1e-6)), self.input_size[axis]))))
        return Box(edges[1][0], edges[0][0], edges[1][1], edges[0][1])

    def cells(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last cell (row, column) whose centres lie in a box; the nearest one where there is none."""
        ranges = []
        for axis, (low, high) in enumerate(((box.top, box.bottom), (box.left, box.right))):
            stride, last = self.stride[axis], self.map_size[axis] - 1
            first = int(np.ceil((low - self.origin[axis]) / stride))
            final = int(np.ceil((high - self.origin[axis]) / stride)) - 1
            if final < first:
                first = final = round(((low + high) / 2 - self.origin[axis]) / stride)
            ranges.append((min(max(first, 0), last), min(max(final, 0), last)))
        (r0, r1), (c0, c1) = ranges
        return (r0, c0), (r1, c1)

    def around(self, cell: tuple[int, int], region: tuple[int, int, int, int]) -> Box:
        """Effective receptive field of a cell, widened to the pixels under the region of the map that is active.

        Parameters
        ----------
        cell
            Row and column of the maximum.
        region
            First row, first column, last row and last column of the active cells around it.
        """
        under = ReceptiveField(
            self.input_size,
            self.map_size,
            self.support,
            (int(np.ceil(self.stride[0])), int(np.ceil(self.stride[1]))),
            self.stride,
            self.origin,
        ).box(region[:2], region[2:])
        own = self.box(cell)
        return Box(
            min(own.left, under.left),
            min(own.top, under.top),
            max(own.right, under.right),
            max(own.bottom, under.bottom),
        )


def spatial_maps(tensor: Tensor | None, axis: int, layer: str) -> Tensor:
    """Bring a layer's output to images × units × height × width.

    Raises
    ------
    UsageError
        If the layer has no spatial maps.
    """
    if tensor is None or tensor.ndim != 4:
        shape = None if tensor is None else tuple(tensor.shape)
        raise UsageError(
            f"the layer has no spatial maps, its outputs have shape {shape}",
            where=layer,
            expected="images × units × height × width",
            hint="choose a convolutional layer, see `neurontology layers`",
        )
    return tensor.movedim(axis, 1)


def probe_receptive_field(model: LoadedModel, layer: str) -> ReceptiveField:
    """Find the receptive field of a layer by gradients from the middle of its maps.

    The sum of the units' absolute gradients with respect to the input (Luo et al. 2016, arXiv 1701.04128) is taken for
    the cell in the middle of the map and its two diagonal neighbours, over three made-up photographs and seeded
    noise. Where the supports of all three lie inside the input their centres give stride and origin exactly;
    where they reach its edge, the map is taken to be spread evenly over the input.

    Raises
    ------
    UsageError
        If there is no such layer, it does not run, or it has no spatial maps.
    """
    device = next((one.device for one in model.module.parameters()), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    made_up = dry_batch(model)
    noise = torch.randn((_NOISES, *made_up.shape[1:]), generator=generator, dtype=made_up.dtype)
    inputs = torch.cat([made_up, noise]).to(device).requires_grad_()
    seen: list[Tensor] = []

    def receive(_: str, tensor: Tensor | None, axis: int) -> None:
        seen.append(spatial_maps(tensor, axis, layer))

    with watch(model, [layer], receive), torch.enable_grad():
        model.run(inputs)
        if not seen:
            raise UsageError("the layer did not run", where=layer, expected="a layer that takes part in a pass")
        maps = seen[-1]
        size = (int(inputs.shape[2]), int(inputs.shape[3]))
        cells = (int(maps.shape[2]), int(maps.shape[3]))
        signs = torch.randint(0, 2, (maps.shape[1],), generator=generator).to(maps) * 2 - 1
        steps = [min(1, (count - 1) // 2) for count in cells]
        profiles = []
        for offset in (0, -1, 1):
            at = [count // 2 + offset * step for count, step in zip(cells, steps, strict=True)]
            total = (maps[:, :, at[0], at[1]] * signs).sum()
            (gradient,) = torch.autograd.grad(total, inputs, retain_graph=True)
            heat = gradient.abs().sum((0, 1))
            profiles.append([heat.sum(1 - axis).double().cpu().numpy() for axis in (0, 1)])
    measured = [_axis([profile[axis] for profile in profiles], size[axis], cells[axis], steps[axis]) for axis in (0, 1)]
    (s0, e0, t0, o0), (s1, e1, t1, o1) = measured
    return ReceptiveField(size, cells, (s0, s1), (e0, e1), (t0, t1), (o0, o1))


def _axis(profiles: list[NDArray[np.float64]], pixels: int, cells: int, step: int) -> tuple[int, int, float, float]:
    """Support, extent, stride and origin along one axis from the profiles of three cells."""
    bounds = [(int(p.nonzero()[0][0]), int(p.nonzero()[0][-1]) + 1) for p in profiles if p.any()]
    middle = cells // 2
    stride = pixels / cells
    origin = stride / 2
    if len(bounds) == 3 and step and all(low > 0 and high < pixels for low, high in bounds):
        stride = (sum(bounds[2]) - sum(bounds[1])) / 4 / step
        origin = sum(bounds[0]) / 2 - stride * middle
    if not bounds:
        # Every unit is silent on every probe: nothing is known but the geometry.
        return pixels, int(np.ceil(stride)), stride, origin
    centre = origin + stride * middle
    support = bounds[0][1] - bounds[0][0] if profiles[0].any() else pixels
    return support, _extent(profiles[0], centre), stride, origin


def _extent(profile: NDArray[np.float64], centre: float) -> int:
    """Smallest width around the centre that holds `MASS` of a profile."""
    distance = np.abs(np.arange(len(profile)) + 0.5 - centre)
    order = np.argsort(distance, kind="stable")
    held = np.cumsum(profile[order])
    if held[-1] == 0:
        return len(profile)
    last = int(np.searchsorted(held, MASS * held[-1]))
    return max(1, int(np.ceil(2 * distance[order[min(last, len(order) - 1)]])))
