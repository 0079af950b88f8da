"""The formulas of frontiers/trends_and_challenges, against the three frameworks."""

from statistics import NormalDist

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("frontiers/trends_and_challenges")

# A dozen random problems each: they are dense, so one more or less shows nothing new.
seeds = st.integers(0, 11)


@given(seeds, st.sampled_from([0.125, 0.5, 2.0]))
def test_info_nce(seed, tau):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(2, rng.integers(2, 7), 3))
    ours = formulas.info_nce(A, B, tau)

    right = np.arange(len(A))
    unit = torch.nn.functional.normalize
    z = unit(torch.tensor(A), dim=1) @ unit(torch.tensor(B), dim=1).T / tau
    loss = torch.nn.functional.cross_entropy
    theirs = loss(z, torch.tensor(right)) + loss(z.T, torch.tensor(right))
    same(ours, theirs / 2, 20)

    unit, loss = tf.nn.l2_normalize, tf.nn.sparse_softmax_cross_entropy_with_logits
    z = tf.matmul(unit(A, axis=1), unit(B, axis=1), transpose_b=True) / tau
    same(ours, tf.reduce_mean(loss(right, z) + loss(right, tf.transpose(z))) / 2, 20)

    z = keras.ops.matmul(
        keras.ops.normalize(A, axis=1), keras.ops.transpose(keras.ops.normalize(B))
    )
    both = keras.ops.log_softmax(z / tau, axis=1) + keras.ops.log_softmax(
        z / tau, axis=0
    )
    same(ours, -keras.ops.mean(keras.ops.diagonal(both)) / 2, 20)
    # Knowing nothing costs log n.
    nothing = formulas.info_nce(np.ones_like(A), np.ones_like(B), tau)
    same(nothing, np.log(float(len(A))), 20)


def network(seed):
    """Weights of a network from 5 inputs over 4 units to 3 classes, and 6 inputs."""
    rng = np.random.default_rng(seed)
    shapes = [(5, 4), (4,), (4, 3), (3,), (6, 5)]
    return [rng.normal(size=shape) for shape in shapes]


@given(seeds)
def test_input_gradient(seed):
    *weights, x = network(seed)
    ours = formulas.input_gradient(x, *weights, 1)
    scores = formulas.logits(x, *weights)

    W1, b1, W2, b2 = map(torch.tensor, weights)
    inputs = torch.tensor(x, requires_grad=True)
    theirs = torch.tanh(inputs @ W1 + b1) @ W2 + b2
    theirs[:, 1].sum().backward()
    same(scores, theirs, 20)
    same(ours, inputs.grad, 50)

    W1, b1, W2, b2 = weights
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        theirs = tf.matmul(tf.tanh(tf.matmul(inputs, W1) + b1), W2) + b2
        score = theirs[:, 1]
    same(scores, theirs, 20)
    same(ours, tape.gradient(score, inputs), 50)

    hidden = keras.ops.tanh(keras.ops.matmul(x, W1) + b1)
    same(scores, keras.ops.matmul(hidden, W2) + b2, 20)


@given(seeds)
def test_integrated_gradients(seed):
    *weights, x = network(seed)
    x, baseline = x[:2]

    def gradient(points):
        return formulas.input_gradient(points, *weights, 2)

    shares = formulas.integrated_gradients(gradient, x, baseline, 400)
    ends = formulas.logits(np.stack([baseline, x]), *weights)[:, 2]
    same(shares.sum(), ends[1] - ends[0], 1, tolerance=2e-2)  # of the midpoints
    # Exact for a quadratic, on which midpoints make no error: f = sum(x**2).
    shares = formulas.integrated_gradients(lambda p: 2 * p, x, baseline, 3)
    same(shares, x**2 - baseline**2, 50)


@given(seeds)
def test_federated_round(seed):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(3, 4))
    clients = [
        (rng.normal(size=(n, 3)), np.eye(4)[rng.integers(0, 4, size=n)])
        for n in (2, 5, 3)
    ]
    ours = formulas.federated_round(W, clients, 0.5, 2, 0.25)

    total = torch.zeros(3, 4, dtype=torch.float64)
    for X, Y in clients:
        W_k = torch.tensor(W, requires_grad=True)
        optimizer = torch.optim.SGD([W_k], lr=0.5, weight_decay=0.25)
        for _ in range(2):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(
                torch.tensor(X) @ W_k, torch.tensor(Y)
            ).backward()
            optimizer.step()
        total += len(X) / 10 * W_k.detach()
    same(ours, total, 50)

    total = np.zeros((3, 4))
    for X, Y in clients:
        W_k = tf.Variable(W)
        for _ in range(2):
            with tf.GradientTape() as tape:
                losses = tf.nn.softmax_cross_entropy_with_logits(Y, tf.matmul(X, W_k))
                loss = tf.reduce_mean(losses) + 0.25 * tf.nn.l2_loss(W_k)
            W_k.assign_sub(0.5 * tape.gradient(loss, W_k))
        total = total + len(X) / 10 * W_k
    same(ours, total, 50)

    # Keras' probabilities give the gradient of one client.
    X, Y = clients[0]
    p = keras.ops.softmax(keras.ops.matmul(X, W))
    theirs = keras.ops.matmul(X.T, p - Y) / 2
    same(formulas.softmax_gradient(W, X, Y, 0.0), theirs, 50)


@given(seeds)
def test_sample_gradients(seed):
    rng = np.random.default_rng(seed)
    W, X = rng.normal(size=(3, 4)), rng.normal(size=(5, 3))
    Y = np.eye(4)[rng.integers(0, 4, size=5)]
    ours = formulas.sample_gradients(W, X, Y)

    def loss(W, x, y):
        return torch.nn.functional.cross_entropy(x @ W, y)

    one = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    same(ours, one(*map(torch.tensor, (W, X, Y))).flatten(1), 50)
    W_tf = tf.Variable(W)
    with tf.GradientTape() as tape:
        losses = tf.nn.softmax_cross_entropy_with_logits(Y, tf.matmul(X, W_tf))
    same(ours, tf.reshape(tape.jacobian(losses, W_tf), (5, -1)), 50)
    p = keras.ops.softmax(keras.ops.matmul(X, W))
    theirs = keras.ops.expand_dims(X, 2) * keras.ops.expand_dims(p - Y, 1)
    same(ours, keras.ops.reshape(theirs, (5, -1)), 50)


@given(seeds, st.sampled_from([0.5, 2.0, 100.0]), st.sampled_from([0.0, 3.0]))
def test_private_gradient(seed, C, sigma):
    G = np.random.default_rng(seed).normal(size=(4, 6))
    ours = formulas.private_gradient(G, C, sigma, np.random.default_rng(seed))
    xi = np.random.default_rng(seed).normal(size=6)

    rows = [torch.tensor(g) for g in G]
    for row in rows:  # PyTorch clips a gradient in place
        row.grad = row.clone()
        torch.nn.utils.clip_grad_norm_([row], C)
    clipped = torch.stack([row.grad for row in rows]).numpy()
    same(ours, (clipped.sum(axis=0) + sigma * C * xi) / 4, 1000, tolerance=1e-6)
    clipped = tf.clip_by_norm(G, C, axes=[1])
    same(ours, (tf.reduce_sum(clipped, axis=0) + sigma * C * xi) / 4, 1000)
    norms = keras.ops.norm(G, axis=1, keepdims=True)
    clipped = G * keras.ops.minimum(1.0, C / norms)
    same(ours, (keras.ops.sum(clipped, axis=0) + sigma * C * xi) / 4, 1000)


@given(st.sampled_from([1.0, 4.0]))
def test_epsilon(sigma):
    # The conversion takes the best order alpha > 1 of the Renyi divergence rho * alpha.
    rho, log = 8 / sigma**2 / 2, np.log(1e5)
    alpha = 1 + np.exp(np.linspace(-8, 8, 200_001))
    best = np.min(rho * alpha + log / (alpha - 1))
    same(np.float64(formulas.epsilon(sigma, 8, 1e-5)), best, 1, tolerance=1e-6)
    # A bound: the exact delta of the eight steps at this epsilon is smaller.
    mu, bound = np.sqrt(8) / sigma, formulas.epsilon(sigma, 8, 1e-5)
    cdf = NormalDist().cdf
    exact = cdf(mu / 2 - bound / mu) - np.exp(bound) * cdf(-mu / 2 - bound / mu)
    assert 0 < exact < 1e-5


def circuit_torch(theta):
    """The chapter's circuit by Kronecker products: another road to the same state."""
    n = theta.shape[1]
    one = torch.eye(2, dtype=torch.float64)
    up, down, Z, X, turn = (
        torch.tensor(matrix, dtype=torch.float64)
        for matrix in (
            [[1, 0], [0, 0]],
            [[0, 0], [0, 1]],
            [[1, 0], [0, -1]],
            [[0, 1], [1, 0]],
            [[0, -1], [1, 0]],
        )
    )

    def at(gates):
        whole = torch.ones(1, 1, dtype=torch.float64)
        for q in range(n):
            whole = torch.kron(whole, gates.get(q, one))
        return whole

    state = torch.zeros(2**n, dtype=torch.float64)
    state[0] = 1
    for layer in range(len(theta)):
        for q in range(n):
            half = theta[layer, q] / 2
            state = at({q: torch.cos(half) * one + torch.sin(half) * turn}) @ state
        for q in range(n - 1):
            state = at({q: up}) @ state + at({q: down, q + 1: X}) @ state
    return state @ at({0: Z}) @ state


@given(seeds, st.sampled_from([2, 3]))
def test_circuit(seed, n):
    theta = np.random.default_rng(seed).uniform(0, 2 * np.pi, size=(2, 2, n))
    slopes = formulas.parameter_shift(theta, (0, n - 1))
    for run, output in enumerate(formulas.circuit(theta)):
        angles = torch.tensor(theta[run], requires_grad=True)
        theirs = circuit_torch(angles)
        theirs.backward()
        same(output, theirs, 20)
        same(slopes[run], angles.grad[0, n - 1], 20)


@given(seeds)
def test_policy(seed):
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=5)
    actions = rng.integers(0, 2, size=(6, 8))
    states, returns = formulas.play(actions)
    # The corridor, cell by cell.
    for row, (episode, total) in enumerate(zip(actions, returns, strict=True)):
        s, cost = 1, 0
        for t, action in enumerate(episode):
            assert states[row, t] == s
            s = min(s + 1, 4) if action else max(s - 1, 0)
            cost += s != 4
        assert total == -cost

    advantage = rng.normal(size=6)
    ours = formulas.reinforce(theta, states, actions, advantage)
    chances = formulas.probability(theta, states, actions)

    theta_torch = torch.tensor(theta, requires_grad=True)
    x, a = theta_torch[torch.tensor(states)], torch.tensor(actions)
    logs = torch.where(a == 1, x, -x).sigmoid().log().sum(dim=1)
    same(chances, logs.exp(), 1)
    for row in range(6):
        (slope,) = torch.autograd.grad(logs[row], theta_torch, retain_graph=True)
        same(ours[row], advantage[row] * slope, 100)

    theta_tf = tf.Variable(theta)
    with tf.GradientTape() as tape:
        x = tf.gather(theta_tf, states)
        logs = tf.reduce_sum(tf.math.log_sigmoid(tf.where(actions == 1, x, -x)), axis=1)
    slopes = tf.convert_to_tensor(tape.jacobian(logs, theta_tf))
    same(ours, advantage[:, None] * slopes, 100)

    x = keras.ops.take(theta, states)
    logs = keras.ops.log_sigmoid(keras.ops.where(actions == 1, x, -x))
    same(chances, keras.ops.exp(keras.ops.sum(logs, axis=1)), 1)
