"""The formulas of foundations/optimizers, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same, vectors
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from threeways import to_numpy

formulas = chapter.load("foundations/optimizers")

seeds = st.integers(0, 2**32 - 1)
rates = st.floats(1e-3, 0.5).map(lambda eta: float(np.float32(eta)))
# Keras on TensorFlow rounds the betas to float32: take those that stay exact.
betas = st.integers(1, 15).map(lambda sixteenths: sixteenths / 16)
epsilons = st.integers(1, 64).map(lambda parts: parts / 64)


def problem(seed):
    """A start theta (3,) and six gradients (6, 3), one of them zero in a component."""
    rng = np.random.default_rng(seed)
    gradients = rng.normal(scale=3, size=(6, 3))
    gradients[2, 1] = 0
    return rng.normal(size=3), gradients


def ours(step, theta, gradients, slots):
    """Path of step(theta, *state, g, t): (steps, 3)."""
    state, path = [np.zeros_like(theta)] * slots, []
    for t, g in enumerate(gradients, start=1):
        theta, *state = step(theta, *state, g, t)
        path.append(theta)
    return np.array(path)


def path_torch(kind, theta, gradients, **options):
    theta = torch.tensor(theta, requires_grad=True)
    optimizer, path = kind([theta], **options), []
    for g in gradients:
        theta.grad = torch.tensor(g)
        optimizer.step()
        path.append(theta.detach().clone())
    return path


def path_tf(kernel, theta, gradients, slots, powers=(), flags=None, **options):
    theta, path = tf.Variable(theta), []
    state = {name: tf.Variable(tf.zeros_like(theta)) for name in slots}
    handles = {name: slot.handle for name, slot in state.items()}
    for t, g in enumerate(gradients, start=1):
        now = options | {f"{name}_power": options[name] ** t for name in powers}
        now = {
            name: tf.constant(v, tf.float64) for name, v in (now | {"grad": g}).items()
        }
        kernel(var=theta.handle, **handles, **now, **(flags or {}))
        path.append(theta.numpy())
    return np.array(path)


def path_keras(kind, theta, gradients, **options):
    theta = keras.Variable(theta, dtype="float64")
    optimizer, path = kind(**options), []
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g)], [theta])
        path.append(to_numpy(theta).copy())
    return np.array(path)


@given(seeds, rates, betas, st.booleans())
def test_momentum_step(seed, eta, beta, nesterov):
    theta, G = problem(seed)
    path = ours(
        lambda w, v, g, t: formulas.momentum_step(w, v, g, eta, beta, nesterov),
        theta,
        G,
        1,
    )
    size = 1 + np.abs(G).sum()
    options = {"momentum": beta, "nesterov": nesterov}
    same(path, path_torch(torch.optim.SGD, theta, G, lr=eta, **options), size)
    theirs = path_tf(
        tf.raw_ops.ResourceApplyMomentum,
        theta,
        G,
        ["accum"],
        flags={"use_nesterov": nesterov},
        lr=eta,
        momentum=beta,
    )
    same(path, theirs, size)
    theirs = path_keras(keras.optimizers.SGD, theta, G, learning_rate=eta, **options)
    same(path, theirs, size)


@given(seeds, st.lists(rates, min_size=6, max_size=6), betas)
def test_velocity_step(seed, etas, beta):
    """Every step has a rate of its own: that is where the two velocities differ."""
    theta, G = problem(seed)
    path = ours(
        lambda w, u, g, t: formulas.velocity_step(w, u, g, etas[t - 1], beta),
        theta,
        G,
        1,
    )
    size = 1 + np.abs(G).sum()

    # PyTorch has no such option; the heavy ball with gradients scaled by hand is it.
    scaled = G * np.array(etas)[:, None]
    same(path, path_torch(torch.optim.SGD, theta, scaled, lr=1.0, momentum=beta), size)

    variable, state = tf.Variable(theta), tf.Variable(np.zeros(3))
    weight = keras.Variable(theta, dtype="float64")
    optimizer = keras.optimizers.SGD(learning_rate=1.0, momentum=beta)
    for expected, g, eta in zip(path, G, etas, strict=True):
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=state.handle,
            lr=tf.constant(eta, tf.float64),
            grad=g,
            momentum=tf.constant(beta, tf.float64),
        )
        same(expected, variable, size)
        optimizer.learning_rate = eta
        optimizer.apply([keras.ops.convert_to_tensor(g)], [weight])
        same(expected, weight, size)


# Where the two roots nearly coincide, eigenvalues are good to the root of the rounding.
@given(st.floats(0.1, 20), st.floats(0.01, 1.0), st.floats(0.01, 0.99))
def test_momentum_contraction(curvature, eta, beta):
    ours = np.float64(formulas.momentum_contraction(curvature, eta, beta))
    pair = np.array([[1 + beta - eta * curvature, -beta], [1.0, 0.0]])
    theirs = torch.linalg.eigvals(torch.tensor(pair)).abs().max()
    same(ours, theirs, 20, tolerance=1e-8)
    theirs = tf.reduce_max(tf.abs(tf.linalg.eigvals(pair)))
    same(ours, theirs, 20, tolerance=1e-8)
    theirs = keras.ops.max(keras.ops.abs(keras.ops.eig(pair)[0]))
    same(ours, theirs, 20, tolerance=1e-8)


@given(st.integers(2, 6), seeds)
def test_best_momentum(d, seed):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    H = Q * rng.uniform(0.1, 10, size=d) @ Q.T
    H = (H + H.T) / 2
    eta, beta = formulas.best_momentum(H)

    # Other forms of the same numbers: from kappa, and (1 + root of beta)^2 / largest.
    for eigenvalues in (
        torch.linalg.eigvalsh(torch.tensor(H)).numpy(),
        tf.linalg.eigvalsh(H).numpy(),
        to_numpy(keras.ops.eigh(H)[0]),
    ):
        root = np.sqrt(eigenvalues[-1] / eigenvalues[0])
        same(beta, (1 - 2 / (root + 1)) ** 2, 100)
        same(eta, (1 + np.sqrt(beta)) ** 2 / eigenvalues[-1], 1000)

    def slowest(eta, beta):
        return max(
            formulas.momentum_contraction(c, eta, beta) for c in np.linalg.eigvalsh(H)
        )

    best = slowest(eta, beta)
    np.testing.assert_allclose(best, (root - 1) / (root + 1), atol=1e-6)
    for share in (0.8, 0.95, 1.05, 1.2):
        assert slowest(share * eta, beta) > best
        assert slowest(eta, min(share * beta, 0.999)) > best - 1e-6


@given(seeds, rates, betas, epsilons)
def test_rmsprop_step(seed, eta, rho, eps):
    theta, G = problem(seed)
    outside, inside = (
        ours(
            lambda w, s, g, t, flag=flag: formulas.rmsprop_step(
                w, s, g, eta, rho, eps, flag
            ),
            theta,
            G,
            1,
        )
        for flag in (False, True)
    )
    theirs = path_torch(torch.optim.RMSprop, theta, G, lr=eta, alpha=rho, eps=eps)
    same(outside, theirs, 100)
    theirs = path_tf(
        tf.raw_ops.ResourceApplyRMSProp,
        theta,
        G,
        ["ms", "mom"],
        lr=eta,
        rho=rho,
        momentum=0.0,
        epsilon=eps,
    )
    same(inside, theirs, 100)
    theirs = path_keras(
        keras.optimizers.RMSprop, theta, G, learning_rate=eta, rho=rho, epsilon=eps
    )
    same(inside, theirs, 100)


@given(seeds, rates, betas, betas, epsilons, epsilons)
def test_adam_step(seed, eta, beta1, beta2, eps, decay):
    theta, G = problem(seed)

    def path(decay, shortcut):
        def step(w, m, s, g, t):
            now = eps / np.sqrt(1 - beta2**t) if shortcut else eps
            return formulas.adam_step(w, m, s, g, t, eta, beta1, beta2, now, decay)

        return ours(step, theta, G, 2)

    options = {"lr": eta, "betas": (beta1, beta2), "eps": eps}
    same(path(0.0, False), path_torch(torch.optim.Adam, theta, G, **options), 100)
    theirs = path_torch(torch.optim.AdamW, theta, G, weight_decay=decay, **options)
    same(path(decay, False), theirs, 100)
    theirs = path_tf(
        tf.raw_ops.ResourceApplyAdam,
        theta,
        G,
        ["m", "v"],
        powers=["beta1", "beta2"],
        lr=eta,
        beta1=beta1,
        beta2=beta2,
        epsilon=eps,
    )
    same(path(0.0, True), theirs, 100)
    theirs = path_keras(
        keras.optimizers.AdamW,
        theta,
        G,
        learning_rate=eta,
        beta_1=beta1,
        beta_2=beta2,
        epsilon=eps,
        weight_decay=decay,
    )
    same(path(decay, True), theirs, 100)


@given(betas, st.integers(1, 20), seeds)
def test_adam_step_bound(beta1, steps, seed):
    """The worst gradients reach the bound in each framework; others stay below."""
    beta2 = 1 - 2**-6
    if beta1**2 >= beta2:
        return
    bound = formulas.adam_step_bound(beta1, beta2, steps)
    worst = (beta2 / beta1) ** np.arange(1.0 - steps, 1)
    G = worst[:, None]
    options = {"lr": 1.0, "betas": (beta1, beta2), "eps": 1e-30}
    path = np.array(
        [p.numpy() for p in path_torch(torch.optim.Adam, np.zeros(1), G, **options)]
    )
    last = np.diff(np.append(0.0, path[:, 0]))[-1]
    same(bound, -last, 100)
    path = path_tf(
        tf.raw_ops.ResourceApplyAdam,
        np.zeros(1),
        G,
        ["m", "v"],
        powers=["beta1", "beta2"],
        lr=1.0,
        beta1=beta1,
        beta2=beta2,
        epsilon=1e-30,
    )
    same(bound, -np.diff(np.append(0.0, path[:, 0]))[-1], 1000)
    path = path_keras(
        keras.optimizers.Adam,
        np.zeros(1),
        G,
        learning_rate=1.0,
        beta_1=beta1,
        beta_2=beta2,
        epsilon=1e-30,
    )
    same(bound, -np.diff(np.append(0.0, path[:, 0]))[-1], 1000)

    G = np.random.default_rng(seed).normal(size=(steps, 50))
    path = ours(
        lambda w, m, s, g, t: formulas.adam_step(
            w, m, s, g, t, 1.0, beta1, beta2, 1e-30
        ),
        np.zeros(50),
        G,
        2,
    )
    last = path[-1] - (path[-2] if steps > 1 else 0)
    assert np.abs(last).max() <= bound * (1 + 1e-9)


@given(vectors(4), st.floats(0.1, 300.0))
def test_clip_norm(g, limit):
    with np.errstate(all="raise"):  # nothing divides by zero, not even for g = 0
        assert not formulas.clip_norm(np.zeros(4), limit).any()
    ours, size = formulas.clip_norm(g, limit), np.abs(g).max()
    weight = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    weight.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_([weight], limit)
    if np.linalg.norm(g) > 1:  # PyTorch adds 1e-6 to the norm
        same(ours, weight.grad, size, tolerance=2e-6)
    clipped, _ = tf.clip_by_global_norm([tf.constant(g)], limit)
    same(ours, clipped[0], size)
    weight = keras.Variable(np.zeros(4), dtype="float64")
    optimizer = keras.optimizers.SGD(learning_rate=1.0, global_clipnorm=limit)
    optimizer.apply([keras.ops.convert_to_tensor(g)], [weight])
    same(-ours, weight, size, tolerance=1e-6)


def rates_torch(make, eta, total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=eta)
    scheduler, found = make(optimizer), []
    for _ in range(total):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return np.array(found)


def double(values):
    """What a framework computed in float32, as float64."""
    return np.array([float(value) for value in values])


@given(rates, betas, st.integers(1, 5), st.integers(2, 12))
def test_step_decay_exponential_decay_inverse_time(eta, gamma, every, total):
    t, K, V = np.arange(total), keras.optimizers.schedules, tf.compat.v1.train
    for ours, torch_, keras_, tf_ in [
        (
            formulas.step_decay(t, eta, gamma, every),
            lambda o: lr_scheduler.StepLR(o, every, gamma),
            K.ExponentialDecay(eta, every, gamma, staircase=True),
            lambda t: V.exponential_decay(eta, t, every, gamma, staircase=True),
        ),
        (
            formulas.exponential_decay(t, eta, gamma),
            lambda o: lr_scheduler.ExponentialLR(o, gamma),
            K.ExponentialDecay(eta, 1, gamma),
            lambda t: V.exponential_decay(eta, t, 1, gamma),
        ),
        (
            formulas.inverse_time(t, eta, every),
            lambda o: lr_scheduler.LambdaLR(o, lambda t: every / (every + t)),
            K.InverseTimeDecay(eta, every, 1.0),
            lambda t: V.inverse_time_decay(eta, t, every, 1.0),
        ),
    ]:
        same(ours, rates_torch(torch_, eta, total), 10)
        same(ours, double(keras_(int(i)) for i in t), tolerance=1e-5)
        same(ours, double(tf_(int(i))() for i in t), tolerance=1e-5)


@given(rates, betas, st.integers(0, 5), st.integers(1, 12))
def test_warmup_cosine(peak, share, warmup, falling):
    """PyTorch's cosine swings up again after its end; the others stay, and so do we."""
    start, total = share * peak, warmup + falling
    t = np.arange(total + 4)
    ours = formulas.warmup_cosine(t, start, peak, warmup, total)

    def torch_(optimizer):
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, falling)
        if not warmup:
            return cosine
        rise = lr_scheduler.LinearLR(optimizer, share, total_iters=warmup)
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, falling)
        return lr_scheduler.SequentialLR(optimizer, [rise, cosine], [warmup])

    same(ours[:total], rates_torch(torch_, peak, total), 10)
    K = keras.optimizers.schedules
    theirs = K.CosineDecay(start, falling, warmup_target=peak, warmup_steps=warmup)
    if not warmup:
        theirs = K.CosineDecay(peak, falling)
    same(ours, double(theirs(int(i)) for i in t), tolerance=1e-5)
    cosine = tf.compat.v1.train.cosine_decay(peak, tf.range(falling + 4), falling)()
    same(ours[warmup:], np.asarray(cosine, np.float64), tolerance=1e-5)


@given(st.floats(0.01, 0.9), st.integers(1, 30))
def test_random_success(p, n):
    ours = np.float64(formulas.random_success(p, n))
    none = torch.distributions.Binomial(n, torch.tensor(p, dtype=torch.float64))
    zero = torch.tensor(0.0, dtype=torch.float64)
    same(ours, 1 - none.log_prob(zero).exp(), tolerance=1e-6)
    same(ours, -tf.math.expm1(n * tf.math.log1p(tf.constant(-p, tf.float64))))
    same(ours, 1 - keras.ops.prod(keras.ops.full((n,), 1 - p, dtype="float64")))


@given(st.floats(0.01, 0.9), st.integers(1, 30))
def test_grid_success(p, k):
    """By counting: offsets of the grid for which a point lies in the first share p."""
    ours = formulas.grid_success(p, k)
    offsets = (np.arange(4000) + 0.5) / 4000 / k  # the first point, evenly spread
    points = offsets[:, None] + np.arange(k) / k
    for hits in (
        (torch.tensor(points) < p).any(dim=1).double().mean(),
        tf.reduce_mean(tf.cast(tf.reduce_any(points < p, axis=1), tf.float64)),
        keras.ops.mean(keras.ops.cast(keras.ops.any(points < p, axis=1), "float64")),
    ):
        assert abs(ours - float(hits)) <= 1 / 2000
