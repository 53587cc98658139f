"""Drawn scenes whose truth is known, and an autoencoder of them: what `constriction.py` tests masks on.

Five numbers from 0 to 1, drawn independently, make a scene of 48 × 48 pixels on a ground that gets brighter downwards:
where a disc is on its way across, its colour, where a bar is on its way down, the colour of a square, and
how large a diamond is.
"""

from __future__ import annotations

import torch
from common import WORK
from torch import Generator, Tensor, nn

SIDE = 48
LATENTS = ("disc across", "disc colour", "bar down", "square colour", "diamond size")
_CODE = 16
_STEPS = 1600
_ENDS = {
    "disc": ((0.95, 0.55, 0.10), (0.10, 0.75, 0.95)),
    "square": ((0.90, 0.15, 0.65), (0.25, 0.85, 0.20)),
}


def render(latents: Tensor) -> Tensor:
    """Scenes, float (B, 3, 48, 48) in [0, 1], of latents (B, 5) in [0, 1]."""
    across, disc_colour, down, square_colour, size = latents.T[:, :, None, None]
    y, x = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    image = (0.15 + 0.2 * y / SIDE) * torch.tensor([0.8, 0.9, 1.1])[:, None, None]
    image = image.expand(len(latents), 3, SIDE, SIDE)
    disc = 5 - ((x - 7 - 34 * across).square() + (y - 9).square()).sqrt()
    bar = torch.minimum(2.5 - (x - 41).abs(), 4 - (y - 23 - 18 * down).abs())
    square = torch.minimum(5.5 - (x - 12).abs(), 5.5 - (y - 30).abs()).expand_as(disc)
    diamond = 3 + 4 * size - (x - 28).abs() - (y - 32).abs()
    for inside, colour in (
        (disc, _mixed("disc", disc_colour)),
        (bar, torch.tensor([0.9, 0.9, 0.2])[:, None, None]),
        (square, _mixed("square", square_colour)),
        (diamond, torch.tensor([0.95, 0.95, 0.95])[:, None, None]),
    ):
        share = (inside + 0.5).clamp(0, 1)[:, None]
        image = image * (1 - share) + colour * share
    return image


def _mixed(name: str, share: Tensor) -> Tensor:
    """Colours (B, 3, 1, 1) between the two ends."""
    first, last = (torch.tensor(end)[:, None, None] for end in _ENDS[name])
    return first * (1 - share[:, None]) + last * share[:, None]


def draw_latents(count: int, seed: int) -> Tensor:
    """Latents (count, 5), uniform."""
    return torch.rand(count, len(LATENTS), generator=Generator().manual_seed(seed))


def true_places(latents: Tensor, which: int, *, steps: int = 33) -> Tensor:
    """Pixels of each scene that change by half a grey level while one latent goes from 0 to 1, bool (B, 48, 48)."""
    low, high = render(latents), render(latents)
    for value in torch.linspace(0, 1, steps):
        changed = latents.clone()
        changed[:, which] = value
        scenes = render(changed)
        low, high = torch.minimum(low, scenes), torch.maximum(high, scenes)
    return ((high - low) > 1 / 510).any(1)


class Autoencoder(nn.Module):
    """Scenes (B, 3, 48, 48) in [0, 1] → code (B, 16) → scenes."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()

        def down(inputs: int, outputs: int) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        def up(inputs: int, outputs: int) -> list[nn.Module]:
            conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        c, flat = channels, 4 * channels * 36
        self.encoder = nn.Sequential(
            *down(3, c), *down(c, 2 * c), *down(2 * c, 4 * c), nn.Flatten(), nn.Linear(flat, _CODE)
        )
        self.decoder = nn.Sequential(
            nn.Linear(_CODE, flat), nn.LeakyReLU(0.2), nn.Unflatten(1, (4 * c, 6, 6)),
            *up(4 * c, 2 * c), *up(2 * c, c), nn.ConvTranspose2d(c, 3, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions (B, 3, 48, 48)."""
        reconstructions: Tensor = self.decoder(self.encoder(images))
        return reconstructions


def trained_autoencoder() -> Autoencoder:
    """The autoencoder, frozen; trained on scenes that are drawn afresh (1 to 2 minutes) unless it lies in work/."""
    path = WORK / "drawn_scenes_autoencoder.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Autoencoder()
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
    else:
        _train(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), path)
    return model.eval().requires_grad_(False)


def _train(model: Autoencoder) -> None:
    generator = Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=_STEPS)
    for step in range(_STEPS):
        scenes = render(torch.rand(48, len(LATENTS), generator=generator))
        code = model.encoder(scenes)
        noise = 0.05 * code.detach().std() * torch.randn(code.shape, generator=generator)
        loss = nn.functional.mse_loss(model.decoder(code + noise), scenes) * SIDE**2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"autoencoder, step {step}: error {float(loss.detach()) / SIDE**2:.5f}", flush=True)
