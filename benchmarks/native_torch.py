"""Pix2pix as one writes it in plain PyTorch: what the package's speed is measured against."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

SLOPE, EPSILON, MOMENTUM = 0.2, 1e-5, 0.1


def widths(filters, levels):
    """Channels of every level: doubled from one to the next, up to eight times the first."""
    return [filters * min(2**level, 8) for level in range(levels)]


class Generator(nn.Module):
    """A U-Net that halves a square image down to one pixel."""

    def __init__(self, size, filters, dropout):
        super().__init__()
        channels = widths(filters, size.bit_length() - 1)
        self.innermost, self.dropout = len(channels) - 1, dropout
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(channels):
            plain = level in (0, self.innermost)
            before = channels[level - 1] if level else 1
            convolution = nn.Conv2d(before, width, 4, 2, 1, bias=plain)
            norm = nn.Identity() if plain else normalization(width)
            self.down.append(nn.Sequential(convolution, norm))
        for level in range(self.innermost, 0, -1):
            before, width = channels[level], channels[level - 1]
            before *= 1 if level == self.innermost else 2
            convolution = nn.ConvTranspose2d(before, width, 4, 2, 1, bias=False)
            self.up.append(nn.Sequential(convolution, normalization(width)))
        self.last = nn.ConvTranspose2d(2 * filters, 1, 4, 2, 1)

    def forward(self, image):
        skips = []
        for stage in self.down:
            image = functional.leaky_relu(stage(image), SLOPE)
            skips.append(image)
        for number, stage in enumerate(self.up):
            image = stage(image)
            if number < 3:
                image = functional.dropout(image, self.dropout, self.training)
            image = torch.cat([functional.relu(image), skips[self.innermost - 1 - number]], 1)
        return self.last(image)


class Discriminator(nn.Module):
    """A PatchGAN of three levels."""

    def __init__(self, filters):
        super().__init__()
        channels = [2, *widths(filters, 4)]
        layers = []
        for level, (before, width) in enumerate(pairwise(channels)):
            stride = 2 if level < 3 else 1
            layers.append(nn.Conv2d(before, width, 4, stride, 1, bias=level == 0))
            layers.append(normalization(width) if level else nn.Identity())
            layers.append(nn.LeakyReLU(SLOPE))
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, 1, 1))

    def forward(self, image, target):
        return self.layers(torch.cat([image, target], 1))


def normalization(width):
    return nn.BatchNorm2d(width, EPSILON, MOMENTUM)


class Training:
    """Both networks, their optimizers, and one step of each from one batch.

    Parameters
    ----------
    size : int
        Pixels along a side, a power of two.
    filters : int
        Channels of the first level.
    dropout : float
        Rate in the three innermost levels of the decoder.
    device : str
        As torch names it.
    """

    def __init__(self, size, filters=64, dropout=0.5, device="cpu"):
        self.device = device
        self.generator = Generator(size, filters, dropout).to(device)
        self.discriminator = Discriminator(filters).to(device)
        self.networks = (self.generator, self.discriminator)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in self.networks
        ]

    def set_weights(self, generator, discriminator):
        """Copy arrays in the order, and kernels in the axes, of Keras' trainable variables."""
        with torch.no_grad():
            for network, arrays in zip(self.networks, (generator, discriminator), strict=True):
                for parameter, array in zip(network.parameters(), arrays, strict=True):
                    values = torch.tensor(array)
                    parameter.copy_(values.permute(3, 2, 0, 1) if values.ndim == 4 else values)

    def get_weights(self):
        """Return all trainable arrays, as :meth:`set_weights` takes them."""
        return [
            [
                (each.permute(2, 3, 1, 0) if each.ndim == 4 else each).detach().numpy()
                for each in network.parameters()
            ]
            for network in self.networks
        ]

    def outputs(self, x, y):
        """Return the prediction and the logits of (x, y) in training mode, as NumPy arrays."""
        with torch.no_grad():
            x, y = (torch.tensor(each).permute(0, 3, 1, 2) for each in (x, y))
            results = self.generator(x), self.discriminator(x, y)
        return [each.permute(0, 2, 3, 1).numpy() for each in results]

    def predict(self, x):
        """Return predictions as a NumPy array."""
        self.generator.eval()
        with torch.no_grad():
            images = self.generator(self._image(x))
        self.generator.train()
        return images.permute(0, 2, 3, 1).cpu().numpy()

    def step(self, x, y):
        """Move both networks from one forward pass; images are (n, ny, nx, 1)."""
        x, y = self._image(x), self._image(y)
        predicted = self.generator(x)
        real = self.discriminator(x, y)
        fake = self.discriminator(x, predicted)
        one, zero = torch.ones_like(real), torch.zeros_like(real)
        cross_entropy = functional.binary_cross_entropy_with_logits
        losses = (
            cross_entropy(fake, one) + 100 * functional.l1_loss(predicted, y),
            0.5 * (cross_entropy(real, one) + cross_entropy(fake, zero)),
        )
        for loss, network in zip(losses, self.networks, strict=True):
            loss.backward(inputs=list(network.parameters()), retain_graph=loss is losses[0])
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return [loss.detach() for loss in losses]

    def _image(self, array):
        """Return a tensor (n, channels, ny, nx) of an array (n, ny, nx, channels)."""
        image = torch.from_numpy(array).to(self.device)
        return image.permute(0, 3, 1, 2).contiguous()
