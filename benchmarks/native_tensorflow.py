"""Pix2pix as one writes it in plain TensorFlow: what the package's speed is measured against."""

from itertools import pairwise

import tensorflow as tf

SLOPE, EPSILON, MOMENTUM = 0.2, 1e-5, 0.9


def widths(filters, levels):
    """Channels of every level: doubled from one to the next, up to eight times the first."""
    return [filters * min(2**level, 8) for level in range(levels)]


class Convolution(tf.Module):
    """A 4 x 4 convolution, or its transpose, then a bias or a normalisation over the batch."""

    def __init__(self, before, after, stride=2, transposed=False, normalized=True):
        super().__init__()
        shape = (4, 4, after, before) if transposed else (4, 4, before, after)
        self.kernel = tf.Variable(tf.random.normal(shape, stddev=0.02))
        self.stride, self.transposed, self.normalized = stride, transposed, normalized
        self.own = [self.kernel]
        if normalized:
            self.gamma, self.beta = tf.Variable(tf.ones(after)), tf.Variable(tf.zeros(after))
            self.mean = tf.Variable(tf.zeros(after), trainable=False)
            self.variance = tf.Variable(tf.ones(after), trainable=False)
            self.own += [self.gamma, self.beta]
        else:
            self.bias = tf.Variable(tf.zeros(after))
            self.own += [self.bias]

    def __call__(self, image, training=True):
        image = self._convolve(image)
        if not self.normalized:
            return image + self.bias
        if not training:
            return tf.nn.batch_normalization(
                image, self.mean, self.variance, self.beta, self.gamma, EPSILON
            )
        image, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            image, self.gamma, self.beta, epsilon=EPSILON, is_training=True
        )
        self.mean.assign(MOMENTUM * self.mean + (1 - MOMENTUM) * mean)
        self.variance.assign(MOMENTUM * self.variance + (1 - MOMENTUM) * variance)
        return image

    def _convolve(self, image):
        if self.transposed:
            n, ny, nx, _ = image.shape
            shape = (n, 2 * ny, 2 * nx, self.kernel.shape[2])
            return tf.nn.conv2d_transpose(image, self.kernel, shape, 2, "SAME")
        frame = [[0, 0], [1, 1], [1, 1], [0, 0]] if self.stride == 1 else "SAME"
        return tf.nn.conv2d(image, self.kernel, self.stride, frame)


class Generator:
    """A U-Net that halves a square image down to one pixel."""

    def __init__(self, size, filters, dropout):
        channels = widths(filters, size.bit_length() - 1)
        innermost, self.dropout = len(channels) - 1, dropout
        self.down = [
            Convolution(before, width, normalized=0 < level < innermost)
            for level, (before, width) in enumerate(zip([1, *channels], channels, strict=False))
        ]
        self.up = [
            Convolution(
                channels[level] * (1 if level == innermost else 2),
                channels[level - 1],
                transposed=True,
            )
            for level in range(innermost, 0, -1)
        ]
        self.last = Convolution(2 * filters, 1, transposed=True, normalized=False)
        self.variables = [v for each in (*self.down, *self.up, self.last) for v in each.own]

    def __call__(self, image, training=True):
        skips = []
        for convolution in self.down:
            image = tf.nn.leaky_relu(convolution(image, training), SLOPE)
            skips.append(image)
        for number, convolution in enumerate(self.up):
            image = convolution(image, training)
            if number < 3 and self.dropout and training:
                image = tf.nn.dropout(image, self.dropout)
            image = tf.concat([tf.nn.relu(image), skips[-2 - number]], 3)
        return self.last(image)


class Discriminator:
    """A PatchGAN of three levels."""

    def __init__(self, filters):
        channels = [2, *widths(filters, 4)]
        self.levels = [
            Convolution(before, width, stride=2 if level < 3 else 1, normalized=level > 0)
            for level, (before, width) in enumerate(pairwise(channels))
        ]
        self.last = Convolution(channels[-1], 1, stride=1, normalized=False)
        self.variables = [v for each in (*self.levels, self.last) for v in each.own]

    def __call__(self, image, target):
        features = tf.concat([image, target], 3)
        for convolution in self.levels:
            features = tf.nn.leaky_relu(convolution(features), SLOPE)
        return self.last(features)


class Training:
    """As that of native_torch.py, which says what the arguments are."""

    def __init__(self, size, filters=64, dropout=0.5):
        self.generator = Generator(size, filters, dropout)
        self.discriminator = Discriminator(filters)
        self.networks = (self.generator, self.discriminator)
        self.optimizers = [tf.compat.v1.train.AdamOptimizer(2e-4, 0.5) for _ in self.networks]
        self.graph = tf.function(self._step)

    def set_weights(self, generator, discriminator):
        """Copy arrays in the order of Keras' trainable variables."""
        for network, arrays in zip(self.networks, (generator, discriminator), strict=True):
            for variable, array in zip(network.variables, arrays, strict=True):
                variable.assign(array)

    def get_weights(self):
        """Return all trainable arrays, as :meth:`set_weights` takes them."""
        return [[each.numpy() for each in network.variables] for network in self.networks]

    def outputs(self, x, y):
        """Return the prediction and the logits of (x, y) in training mode, as NumPy arrays."""
        x, y = tf.constant(x), tf.constant(y)
        return [self.generator(x).numpy(), self.discriminator(x, y).numpy()]

    def predict(self, x):
        """Return predictions as a NumPy array."""
        return self.generator(tf.constant(x), training=False).numpy()

    def step(self, x, y):
        """Move both networks from one forward pass; images are (n, ny, nx, 1)."""
        return self.graph(tf.constant(x), tf.constant(y))

    def _step(self, x, y):
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            predicted = self.generator(x)
            real = self.discriminator(x, y)
            fake = self.discriminator(x, predicted)
            losses = (
                cross_entropy(fake, 1.0) + 100 * tf.reduce_mean(tf.abs(predicted - y)),
                0.5 * (cross_entropy(real, 1.0) + cross_entropy(fake, 0.0)),
            )
        tapes = (generator_tape, discriminator_tape)
        for tape, loss, network, optimizer in zip(
            tapes, losses, self.networks, self.optimizers, strict=True
        ):
            gradients = tape.gradient(loss, network.variables)
            optimizer.apply_gradients(zip(gradients, network.variables, strict=True))
        return losses


def cross_entropy(logits, label):
    labels = tf.fill(tf.shape(logits), label)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
