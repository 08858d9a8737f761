from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from labelaudit.asm import views
from labelaudit.asm.parts import Part, whole
from labelaudit.asm.views import strong_view, weak_view
from labelaudit.nets.inputs import resample, resize


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pictures(batch: int = 6, side: int = 24) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=_generator(99))


def _move(**changes: float) -> Tensor:
    still = {"flip": 1.0, "turn": 0.0, "zoom": 1.0, "shift_x": 0.0, "shift_y": 0.0, "shear_x": 0.0, "shear_y": 0.0}
    return views._affine(**{name: torch.tensor([value]) for name, value in (still | changes).items()})


@pytest.mark.parametrize("view", [weak_view, strong_view])
@pytest.mark.parametrize("size", [16, 24, 40])
def test_views_have_the_size_and_stay_in_range(view, size: int):
    found = view(_pictures(), _generator(), size=size)
    assert found.shape == (6, 3, size, size)
    assert found.dtype == torch.float32
    assert found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize("view", [weak_view, strong_view])
def test_the_same_generator_gives_the_same_views_and_another_others(view):
    pictures = _pictures()
    kept = pictures.clone()
    first = view(pictures, _generator(3), size=24)
    assert torch.equal(first, view(pictures, _generator(3), size=24))
    assert not torch.equal(first, view(pictures, _generator(4), size=24))
    assert torch.equal(pictures, kept)


@pytest.mark.parametrize("view", [weak_view, strong_view])
def test_every_sample_draws_its_own_view(view):
    same = _pictures(1).expand(8, -1, -1, -1)
    found = view(same, _generator(), size=24)
    assert all(not torch.allclose(found[0], other) for other in found[1:])


def test_a_strong_view_changes_more_than_a_weak_one():
    pictures = resize(_pictures(256, 6), 24)  # smooth, as faces are
    weak = (weak_view(pictures, _generator(), size=24) - pictures).abs().mean()
    strong = (strong_view(pictures, _generator(), size=24) - pictures).abs().mean()
    assert strong > 1.1 * weak


def test_a_move_that_moves_nothing_gives_the_picture_back():
    picture = _pictures(1)
    torch.testing.assert_close(resample(picture, _move(), 24), picture)


def test_mirror_turn_and_shift_do_what_they_say():
    picture = _pictures(1)
    torch.testing.assert_close(resample(picture, _move(flip=-1.0), 24), picture.flip(-1))
    turned = resample(picture, _move(turn=math.pi / 2), 24)
    torch.testing.assert_close(turned, picture.rot90(1, dims=(2, 3)), atol=1e-4, rtol=0)
    shifted = resample(picture, _move(shift_x=0.25), 24)  # a quarter of 24 pixels
    torch.testing.assert_close(shifted[..., :18], picture[..., 6:], atol=1e-4, rtol=0)
    torch.testing.assert_close(shifted[..., 18:], picture[..., -1:].expand(-1, -1, -1, 6), atol=1e-4, rtol=0)


def test_zoom_magnifies_the_middle():
    picture = torch.zeros(1, 3, 16, 16)
    picture[..., 6:10, 6:10] = 1.0
    zoomed = resample(picture, _move(zoom=2.0), 16)
    assert zoomed.sum().item() == pytest.approx(4 * picture.sum().item(), rel=0.05)


def test_shear_moves_rows_apart():
    theta = _move(shear_x=0.5)
    torch.testing.assert_close(theta, torch.tensor([[[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]]]))


def test_adjust_multiplies_light_contrast_and_color():
    picture = torch.tensor([0.2, 0.4]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    one, two, half = torch.ones(1), torch.full((1,), 2.0), torch.full((1,), 0.5)
    torch.testing.assert_close(views._adjust(picture, two, one, one), 2 * picture)
    # mean gray 0.3, distances halved
    torch.testing.assert_close(views._adjust(picture, one, half, one)[0, 0, 0], torch.tensor([0.25, 0.35]))
    torch.testing.assert_close(views._adjust(picture, one, one, half), picture)  # gray has no colour to lose
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    faded = views._adjust(red, one, one, torch.zeros(1))
    torch.testing.assert_close(faded, torch.full((1, 3, 1, 1), 0.299))


def test_autocontrast_stretches_only_the_chosen_and_no_flat_channel():
    picture = torch.tensor([0.25, 0.5, 0.75]).view(1, 1, 1, 3).repeat(2, 3, 1, 1)
    picture[:, 2] = 0.5
    found = views._autocontrast(picture, torch.tensor([True, False]))
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(found[0, 2], picture[0, 2])
    torch.testing.assert_close(found[1], picture[1])


def test_solarize_inverts_what_is_bright():
    picture = torch.tensor([0.1, 0.9]).view(1, 1, 1, 2).repeat(2, 3, 1, 1)
    found = views._solarize(picture, torch.tensor([True, False]))
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([0.1, 0.1]))
    torch.testing.assert_close(found[1], picture[1])


def test_sharpen_keeps_flat_pictures_and_blurs_below_one():
    flat = torch.full((1, 3, 5, 5), 0.4)
    torch.testing.assert_close(views._sharpen(flat, torch.tensor([1.3])), flat)
    dot = torch.zeros(1, 3, 5, 5)
    dot[..., 2, 2] = 0.9
    torch.testing.assert_close(views._sharpen(dot, torch.zeros(1))[0, 0, 1:4, 1:4], torch.full((3, 3), 0.1))


def test_erase_fills_a_square_with_the_mean():
    pictures = torch.zeros(400, 3, 20, 20)
    pictures[..., :10] = 1.0
    draw = views._Draw(5, whole(400), _generator())
    found = views._erase(pictures, draw, sides=(0.3, 0.3), share=1.0)
    erased = (found == 0.5).float().mean(dim=(1, 2, 3))
    assert erased.max().item() == pytest.approx(0.09, abs=0.02)  # 6 x 6 of 20 x 20, less where the edge cuts it
    assert erased.min().item() > 0.0
    untouched = views._erase(pictures, views._Draw(5, whole(400), _generator()), sides=(0.3, 0.3), share=0.0)
    assert torch.equal(untouched, pictures)


def test_two_operations_are_drawn_a_sample_and_all_of_them_are():
    drawn = views._Draw(2, whole(2000), _generator()).operations()
    assert drawn.shape == (14, 2000)
    assert (drawn.sum(dim=0) == 2).all()
    expected = 2000 * 2 / 14
    assert ((drawn.sum(dim=1) - expected).abs() < 0.25 * expected).all()


@pytest.mark.parametrize("make", [views.weak_view, views.strong_view])
def test_a_part_of_a_batch_is_seen_as_in_the_whole(make: Callable[..., torch.Tensor]):
    pictures = torch.rand(7, 3, 16, 16, generator=_generator())
    generator = _generator()
    together = make(pictures, generator, size=16)
    after = generator.get_state()
    for part in (Part(0, 3, 7), Part(3, 7, 7), Part(2, 2, 7)):
        generator = _generator()
        torch.testing.assert_close(make(pictures[part.rows], generator, size=16, part=part), together[part.rows])
        assert torch.equal(generator.get_state(), after)
