"""The formulas of foundations/loss_functions, against the three frameworks."""

import functools

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

formulas = chapter.load("foundations/loss_functions")
F = torch.nn.functional

# Away from zero and from each other, so that no residual sits on a kink.
magnitudes = st.floats(1 / 64, 20.0, width=32)
signed = st.builds(lambda size, sign: size * sign, magnitudes, st.sampled_from([-1, 1]))
positive = st.floats(0.125, 5.0, width=32)
counts = st.integers(1, 8)


@st.composite
def residuals(draw):
    """Predictions and targets (n,), and their difference r, as NumPy rounds it."""
    n = draw(counts)
    y = draw(arrays(np.float64, n, elements=st.floats(-9, 9, width=32)))
    y_hat = y + draw(arrays(np.float64, n, elements=signed))
    return y_hat, y, y_hat - y


@st.composite
def logits(draw):
    """Logits z (n,), never on the hinge's kink, and labels y of 0 and 1."""
    n = draw(counts)
    z = draw(arrays(np.float64, n, elements=signed))
    z = np.where(np.abs(np.abs(z) - 1) < 1e-3, 1.5, z)
    return z, draw(arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0])))


@st.composite
def classes(draw):
    """Logits z (n, K) and target rows: random ones, and one-hot ones by index."""
    n, K = draw(counts), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    z = rng.normal(scale=draw(positive), size=(n, K))
    q = rng.dirichlet(np.ones(K), size=n) + 1e-3
    return z, q / q.sum(axis=1, keepdims=True), rng.integers(K, size=n)


def slope_torch(loss, z):
    z = torch.tensor(z, requires_grad=True)
    values = loss(z)
    return values, torch.autograd.grad(values.sum(), z)[0]


def slope_tf(loss, z):
    z = tf.Variable(z)
    with tf.GradientTape() as tape:
        values = loss(z)
    return values, tape.gradient(values, z)


class Switch(keras.losses.Loss):
    """Any loss, set from outside: compiling a model takes longer than its step."""

    inner = None

    def call(self, y_true, y_pred):
        return self.inner(y_true, y_pred)


@functools.cache
def keras_outputs(n, K):
    """A model whose weights (n, K) are its outputs, given the unit matrix."""
    layer = keras.layers.Dense(K, use_bias=False, dtype="float64")
    model = keras.Sequential([keras.Input((n,), dtype="float64"), layer])
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=1.0),
        loss=Switch(reduction="sum", dtype="float64"),
        run_eagerly=True,
    )
    return model


def step_keras(Loss, y, z, **options):
    """Values of a Keras loss, and what one step makes of the outputs z (n, K)."""
    model = keras_outputs(*z.shape)
    model.loss.inner = Loss(reduction=None, dtype="float64", **options)
    model.set_weights([z])
    model.train_on_batch(np.eye(len(z)), y)
    return model.loss.inner(y, z), model.get_weights()[0]


def against_torch_and_tf(ours, loss_torch, loss_tf, z, size):
    """Values and slopes of both; ``size`` covers the terms of either."""
    for theirs in (slope_torch(loss_torch, z), slope_tf(loss_tf, z)):
        same(ours[0], theirs[0], size)
        same(ours[1], theirs[1], size)


def against_keras(ours, Loss, y, z, size, **options):
    """As above. A step of SGD rounds relative to the outputs themselves."""
    values, after = step_keras(Loss, y, z, **options)
    same(ours[0], values, size)
    shape = z.shape
    same(z - ours[1].reshape(shape), after, size + np.abs(z).max())


@given(residuals(), positive)
def test_gaussian_nll(problem, sigma):
    y_hat, y, r = problem
    ours, size = formulas.gaussian_nll(r, sigma), 10 + (20 / sigma) ** 2
    normal = torch.distributions.Normal(
        torch.tensor(y_hat), torch.tensor(sigma).double()
    )
    same(ours, -normal.log_prob(torch.tensor(y)), size)
    # A log density by another way: log1p and a variance instead of sigma.
    variance = tf.constant(sigma, tf.float64) ** 2
    theirs = 0.5 * (tf.math.log(2 * np.pi * variance) + (y_hat - y) ** 2 / variance)
    same(ours, theirs, size)
    variance = keras.ops.convert_to_tensor(np.float64(sigma**2))
    theirs = 0.5 * (keras.ops.log(2 * np.pi * variance) + (y_hat - y) ** 2 / variance)
    same(ours, theirs, size)


@given(residuals(), positive)
def test_laplace_nll(problem, scale):
    y_hat, y, r = problem
    ours, size = formulas.laplace_nll(r, scale), 10 + 20 / scale
    laplace = torch.distributions.Laplace(
        torch.tensor(y_hat), torch.tensor(scale).double()
    )
    same(ours, -laplace.log_prob(torch.tensor(y)), size)
    scale = tf.constant(scale, tf.float64)
    same(ours, tf.abs(y_hat - y) / scale + tf.math.log(scale) + np.log(2), size)
    scale = keras.ops.convert_to_tensor(scale.numpy())
    same(
        ours, keras.ops.abs(y_hat - y) / scale + keras.ops.log(scale) + np.log(2), size
    )


def test_densities_integrate_to_one():
    r = np.linspace(-60, 60, 600_001)
    for density in (
        np.exp(-formulas.gaussian_nll(r, 1.7)),
        np.exp(-formulas.laplace_nll(r, 1.7)),
    ):
        np.testing.assert_allclose(np.sum(density) * (r[1] - r[0]), 1, rtol=1e-7)


@given(residuals())
def test_squared(problem):
    y_hat, y, r = problem
    ours, size = formulas.squared(r), 1000
    against_torch_and_tf(
        ours,
        lambda z: F.mse_loss(z, torch.tensor(y), reduction="none"),
        lambda z: tf.math.squared_difference(z, y),
        y_hat,
        size,
    )
    against_keras(ours, keras.losses.MeanSquaredError, y[:, None], y_hat[:, None], size)


@given(residuals())
def test_absolute(problem):
    y_hat, y, r = problem
    ours, size = formulas.absolute(r), 50
    against_torch_and_tf(
        ours,
        lambda z: F.l1_loss(z, torch.tensor(y), reduction="none"),
        lambda z: tf.abs(z - y),
        y_hat,
        size,
    )
    against_keras(
        ours, keras.losses.MeanAbsoluteError, y[:, None], y_hat[:, None], size
    )


@given(residuals(), positive)
def test_huber(problem, delta):
    y_hat, y, r = problem
    ours, size = formulas.huber(r, delta), 1000

    def huber_tf(z):
        # Another form of it: the parabola of the clipped part, plus the line.
        inner = tf.clip_by_value(tf.abs(z - y), 0.0, np.float64(delta))
        return inner**2 / 2 + delta * (tf.abs(z - y) - inner)

    against_torch_and_tf(
        ours,
        lambda z: F.huber_loss(z, torch.tensor(y), reduction="none", delta=delta),
        huber_tf,
        y_hat,
        size,
    )
    against_keras(
        ours, keras.losses.Huber, y[:, None], y_hat[:, None], size, delta=delta
    )


class Pinball(keras.losses.Loss):
    def __init__(self, tau, **options):
        super().__init__(**options)
        self.tau = tau

    def call(self, y_true, y_pred):
        r = y_pred - y_true
        return keras.ops.mean(
            (1 - self.tau) * keras.ops.relu(r) + self.tau * keras.ops.relu(-r), -1
        )


@given(residuals(), st.floats(0.05, 0.95))
def test_pinball(problem, tau):
    y_hat, y, r = problem
    ours, size = formulas.pinball(r, tau), 50
    against_torch_and_tf(
        ours,
        lambda z: (
            (1 - tau) * F.relu(z - torch.tensor(y)) + tau * F.relu(torch.tensor(y) - z)
        ),
        lambda z: (1 - tau) * tf.nn.relu(z - y) + tau * tf.nn.relu(y - z),
        y_hat,
        size,
    )
    against_keras(ours, Pinball, y[:, None], y_hat[:, None], size, tau=tau)


@given(logits())
def test_sigmoid(problem):
    z, _ = problem
    ours = formulas.sigmoid(z)
    same(ours, torch.sigmoid(torch.tensor(z)))
    same(ours, tf.sigmoid(z))
    same(ours, keras.ops.sigmoid(z))


@given(logits())
def test_binary_cross_entropy(problem):
    z, y = problem
    ours, size = formulas.binary_cross_entropy(z, y), 50
    against_torch_and_tf(
        ours,
        lambda z: F.binary_cross_entropy_with_logits(
            z, torch.tensor(y), reduction="none"
        ),
        lambda z: tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z),
        z,
        size,
    )
    against_keras(
        ours,
        keras.losses.BinaryCrossentropy,
        y[:, None],
        z[:, None],
        size,
        from_logits=True,
    )


@given(logits())
def test_hinge(problem):
    z, y = problem
    s = 2 * y - 1
    ours, size = formulas.hinge(z, s), 50
    against_torch_and_tf(
        ours,
        # max(0, 1 - s (z - 0)) as a ranking loss against zero.
        lambda z: F.margin_ranking_loss(
            z, torch.zeros_like(z), torch.tensor(s), margin=1.0, reduction="none"
        ),
        lambda z: tf.nn.relu(1 - s * z),
        z,
        size,
    )
    against_keras(ours, keras.losses.Hinge, s[:, None], z[:, None], size)
    # Labels of 0 and 1 give the same in Keras.
    same(
        ours[0],
        keras.losses.Hinge(reduction=None, dtype="float64")(y[:, None], z[:, None]),
        size,
    )


@given(classes())
def test_cross_entropy(problem):
    z, q, k = problem
    K, size = z.shape[1], 200
    ours = formulas.cross_entropy(z, q)
    against_torch_and_tf(
        ours,
        lambda z: F.cross_entropy(z, torch.tensor(q), reduction="none"),
        lambda z: tf.nn.softmax_cross_entropy_with_logits(labels=q, logits=z),
        z,
        size,
    )
    against_keras(
        ours, keras.losses.CategoricalCrossentropy, q, z, size, from_logits=True
    )
    ours = formulas.cross_entropy(z, np.eye(K)[k])
    against_torch_and_tf(
        ours,
        lambda z: F.cross_entropy(z, torch.tensor(k), reduction="none"),
        lambda z: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=k, logits=z),
        z,
        size,
    )


def test_cross_entropy_does_not_overflow():
    values, slopes = formulas.cross_entropy(np.array([[1000.0, 0.0]]), np.eye(2)[[1]])
    assert values[0] == 1000
    assert np.array_equal(slopes, [[1.0, -1.0]])


@given(classes(), st.floats(0.0, 0.9))
def test_smooth_labels(problem, eps):
    z, _, k = problem
    K, size = z.shape[1], 200
    Y = np.eye(K)[k]
    smooth = formulas.smooth_labels(Y, eps)
    same(smooth.sum(axis=1), np.ones(len(z)), 10)
    ours = formulas.cross_entropy(z, smooth)
    theirs = F.cross_entropy(
        torch.tensor(z), torch.tensor(k), reduction="none", label_smoothing=eps
    )
    same(ours[0], theirs, size)
    both = tf.one_hot(k, K, dtype=tf.float64), tf.ones((len(z), K), tf.float64) / K
    losses = [
        tf.nn.softmax_cross_entropy_with_logits(labels=part, logits=z) for part in both
    ]
    same(ours[0], (1 - eps) * losses[0] + eps * losses[1], size)
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=eps, reduction=None, dtype="float64"
    )
    same(ours[0], loss(Y, z), size)


@given(classes())
def test_kl_divergence(problem):
    z, q, _ = problem
    log_p = F.log_softmax(torch.tensor(z), dim=1)
    p = log_p.exp().numpy()
    p = np.maximum(p, 1e-6)  # Keras clips at 1e-7
    ours, size = formulas.kl_divergence(q, p), 200
    theirs = F.kl_div(torch.tensor(p).log(), torch.tensor(q), reduction="none")
    same(ours, theirs.sum(dim=1), size)
    entropy = -tf.reduce_sum(q * tf.math.log(q), axis=1)
    same(ours, -tf.reduce_sum(q * tf.math.log(p), axis=1) - entropy, size)
    loss = keras.losses.KLDivergence(reduction=None, dtype="float64")
    same(ours, loss(q, p), size)
    # Its slope by the logits is that of the cross-entropy.
    slopes = slope_torch(
        lambda z: F.kl_div(
            F.log_softmax(z, dim=1), torch.tensor(q), reduction="none"
        ).sum(dim=1),
        z,
    )[1]
    same(formulas.cross_entropy(z, q)[1], slopes, 10)


@given(classes(), st.data())
def test_reductions(problem, data):
    z, _, k = problem
    K, size = z.shape[1], 1000
    weights = data.draw(arrays(np.float64, K, elements=positive))
    losses = formulas.cross_entropy(z, np.eye(K)[k])[0]
    total, count, share = formulas.reductions(losses, weights[k])

    args = torch.tensor(z), torch.tensor(k), torch.tensor(weights)
    same(total, F.cross_entropy(*args, reduction="sum"), size)
    same(share, F.cross_entropy(*args), size)
    theirs = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=k, logits=z)
    same(count, tf.reduce_mean(weights[k] * theirs), size)
    same(
        share,
        tf.reduce_sum(weights[k] * theirs) / tf.reduce_sum(weights[k]),
        size,
    )
    rows = F.cross_entropy(args[0], torch.tensor(np.eye(K)[k]), weight=args[2])
    same(count, rows, size)
    for ours, reduction in [
        (total, "sum"),
        (count, "sum_over_batch_size"),
        (share, "mean_with_sample_weight"),
    ]:
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction=reduction, dtype="float64"
        )
        # Keras adds 1e-7 to the sum of the weights before it divides by it.
        tolerance = 1e-6 if reduction == "mean_with_sample_weight" else 1e-12
        same(ours, loss(k, z, sample_weight=weights[k]), size, tolerance)


@given(logits(), positive, st.sampled_from([0.0, 0.125, 0.375]))
def test_weighted_bce(problem, a, soft):
    z, y = problem
    y = np.abs(y - soft)  # 0 and 1, or softer
    ours, size = formulas.weighted_bce(z, y, a), 500
    against_torch_and_tf(
        ours,
        lambda z: F.binary_cross_entropy_with_logits(
            z,
            torch.tensor(y),
            reduction="none",
            pos_weight=torch.tensor(a, dtype=torch.float64),
        ),
        lambda z: tf.nn.weighted_cross_entropy_with_logits(
            labels=y, logits=z, pos_weight=np.float64(a)
        ),
        z,
        size,
    )
    loss = keras.losses.BinaryCrossentropy(
        from_logits=True, reduction="sum", dtype="float64"
    )
    # A sample weight scales both parts of the loss: so give them one by one.
    ones, zeros = np.ones((len(y), 1)), np.zeros((len(y), 1))
    yes = loss(ones, z[:, None], sample_weight=a * y)
    no = loss(zeros, z[:, None], sample_weight=1 - y)
    same(ours[0].sum(), yes + no, 10 * size)


@given(logits(), st.floats(0.5, 5.0))
def test_focal(problem, gamma):
    z, y = problem
    z = np.clip(z, -12, 12)  # Keras clips probabilities at 1e-7
    s = 2 * y - 1
    ours, size = formulas.focal(z, y, gamma), 500

    def focal_torch(z):
        log_p = F.logsigmoid(torch.tensor(s) * z)
        return -torch.exp(gamma * F.logsigmoid(-torch.tensor(s) * z)) * log_p

    def focal_tf(z):
        log_p = tf.math.log_sigmoid(s * z)
        return -tf.exp(gamma * tf.math.log_sigmoid(-s * z)) * log_p

    against_torch_and_tf(ours, focal_torch, focal_tf, z, size)
    against_keras(
        ours,
        keras.losses.BinaryFocalCrossentropy,
        y[:, None],
        z[:, None],
        size,
        gamma=gamma,
        from_logits=True,
    )
