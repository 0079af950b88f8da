"""The formulas of practice/deployment, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

from threeways import to_numpy

formulas = chapter.load("practice/deployment")

seeds = st.integers(0, 2**32 - 1)
FLOAT32 = 1e-5


@st.composite
def roundings(draw):
    """A scale, a zero point, integers (n, 4), and numbers that round to them.

    The numbers stay away from the middle between two integers, where the frameworks'
    float32 may fall to either side.
    """
    rng = np.random.default_rng(draw(seeds))
    s = float(np.float32(rng.uniform(0.01, 3)))
    z = int(rng.integers(-128, 128))
    q = rng.integers(-128, 128, size=(draw(st.integers(1, 8)), 4))
    x = (q - z + rng.uniform(-0.45, 0.45, size=q.shape)) * s
    return s, z, q, x


@st.composite
def weights(draw):
    """Weights (d, 3) whose columns differ in size, away from ties of rounding."""
    rng = np.random.default_rng(draw(seeds))
    s = rng.uniform(0.01, 3, size=3).astype(np.float32).astype(np.float64)
    q = rng.integers(-126, 127, size=(draw(st.integers(2, 8)), 3))
    x = q + rng.uniform(-0.45, 0.45, size=q.shape)
    x[0] = rng.choice([-127, 127], size=3)
    q[0] = x[0]
    return s, q, x * s


@given(st.floats(-50, 10, width=32), st.floats(-10, 50, width=32))
def test_quantisation(low, high):
    """The range holds zero, and the frameworks find the same scale and zero point."""
    low, high = min(low, high), max(low, high) + 0.125
    s, z = formulas.quantisation(low, high)
    ends = min(low, 0), max(high, 0)
    assert abs(s - (ends[1] - ends[0]) / 255) < 1e-12
    assert isinstance(z, int) and -128 <= z <= 127
    assert formulas.dequantise(np.array(z, np.int8), s, z) == 0
    if not tie(ends, s):
        # TensorFlow moves the ends of the range in the same way.
        moved = tf.quantization.fake_quant_with_min_max_vars([-1e6, 1e6], *ends)
        expected = [s * (-128 - z), s * (127 - z)]
        np.testing.assert_allclose(expected, moved, rtol=1e-4, atol=1e-5 + s * 1e-3)


def tie(ends, s):
    """Whether the zero point lies so close to a half that float32 may differ."""
    return abs((ends[0] / s) % 1 - 0.5) < 1e-3


def test_a_range_of_zeros_has_a_scale():
    for zero in (0, 0.0, np.float32(0)):
        assert formulas.quantisation(zero, zero) == (1, -128)
        s, z = formulas.quantisation(zero, zero)
        assert formulas.dequantise(formulas.quantise(np.zeros(1), s, z), s, z) == 0


@given(st.integers(0, 3), st.integers(5, 12))
def test_quantisation_of_few_bits(q_min, q_max):
    assert formulas.quantisation(0.0, 1.5, q_min, q_max) == (
        1.5 / (q_max - q_min),
        q_min,
    )


@given(roundings())
def test_quantise_and_dequantise(problem):
    s, z, q, x = problem
    ours = formulas.quantise(x, s, z)
    assert ours.dtype == np.int8
    np.testing.assert_array_equal(ours, q)
    x_hat = formulas.dequantise(ours, s, z)
    theirs = torch.fake_quantize_per_tensor_affine(
        torch.tensor(x, dtype=torch.float32), s, z, -128, 127
    )
    close(x_hat, theirs)
    low, high = s * (-128 - z), s * (127 - z)
    close(x_hat, tf.quantization.fake_quant_with_min_max_vars(x, low, high))
    close(x_hat, keras.quantizers.fake_quant_with_min_max_vars(x, low, high, 8))
    assert np.abs(x - x_hat).max() <= s / 2


@given(roundings())
def test_numbers_out_of_range_are_clipped(problem):
    s, z, _, x = problem
    far = np.array([x.max() + 300 * s, x.min() - 300 * s])
    np.testing.assert_array_equal(formulas.quantise(far, s, z), [127, -128])
    few = formulas.quantise(far, s, 0, q_min=-3, q_max=2)
    np.testing.assert_array_equal(few, np.clip(np.sign(far) * 9, -3, 2))


@given(seeds, st.floats(-5, 0), st.floats(0.1, 5))
def test_never_more_than_half_a_step(seed, low, high):
    """Also at the ends of the range, where numbers are clipped."""
    x = np.random.default_rng(seed).uniform(low, high, size=50)
    x = np.concatenate([x, [low, high, 0]])
    s, z = formulas.quantisation(low, high)
    x_hat = formulas.dequantise(formulas.quantise(x, s, z), s, z)
    assert np.abs(x - x_hat).max() <= s / 2 * (1 + 1e-9)


@given(weights())
def test_symmetric_scale(problem):
    s, q, W = problem
    ours = formulas.symmetric_scale(W, axis=0)
    same(ours, s, np.abs(s).max())
    W_q = formulas.quantise(W, ours)
    np.testing.assert_array_equal(W_q, q)
    codes, factors = keras.quantizers.abs_max_quantize(
        keras.ops.convert_to_tensor(W, dtype="float32"), axis=0
    )
    np.testing.assert_array_equal(W_q, to_numpy(codes))
    close(1 / ours, to_numpy(factors)[0])
    theirs = torch.fake_quantize_per_channel_affine(
        torch.tensor(W, dtype=torch.float32),
        torch.tensor(ours, dtype=torch.float32),
        torch.zeros(3, dtype=torch.int32),
        1,
        -127,
        127,
    )
    W_hat = formulas.dequantise(W_q, ours)
    close(W_hat, theirs)
    theirs = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        W, -127 * s, 127 * s, narrow_range=True
    )
    close(W_hat, theirs)


def test_a_column_of_zeros_has_a_scale():
    W = np.array([[0, 2.54], [0, -1]], dtype=np.float32)
    s = formulas.symmetric_scale(W, axis=0)
    assert s.dtype == np.float32 and s[0] > 0
    np.testing.assert_array_equal(formulas.quantise(W, s), [[0, 127], [0, -50]])


@given(weights(), st.integers(2, 8))
def test_symmetric_scale_of_few_bits(problem, bits):
    _, _, W = problem
    s = formulas.symmetric_scale(W, bits)
    largest = 2 ** (bits - 1) - 1
    codes = formulas.quantise(W, s)
    assert np.abs(codes).max() == largest
    same(np.float64(s * largest), np.abs(W).max(), np.abs(W).max())


@given(roundings(), seeds)
def test_integer_product(problem, seed):
    s_x, z_x, q_x, x = problem
    rng = np.random.default_rng(seed)
    q_x = q_x.astype(np.int8)
    q_W = rng.integers(-127, 128, size=(4, 3)).astype(np.int8)
    s_W = rng.uniform(0.01, 3, size=3)
    ours = formulas.integer_product(q_x, s_x, z_x, q_W, s_W)
    x_hat, W_hat = formulas.dequantise(q_x, s_x, z_x), formulas.dequantise(q_W, s_W)
    size = np.abs(x_hat) @ np.abs(W_hat) + 1
    same(ours, torch.tensor(x_hat) @ torch.tensor(W_hat), size)
    total = tf.matmul(q_x, q_W, output_type=tf.int32)
    total -= z_x * tf.reduce_sum(tf.cast(q_W, tf.int32), axis=0)
    same(ours, tf.cast(total, tf.float64) * s_x * s_W, size)
    total = to_numpy(keras.ops.matmul(q_x, q_W))
    total = total - z_x * q_W.sum(axis=0, dtype=np.int32)
    same(ours, total * s_x * s_W, size)


@given(seeds, st.integers(1, 60), st.integers(1, 64))
def test_percentile(seed, n, part):
    times, p = np.random.default_rng(seed).exponential(size=n), part / 64
    ours = np.float64(formulas.percentile(times, p))
    k = -(-part * n // 64)  # p n, rounded up
    same(ours, torch.kthvalue(torch.tensor(times), k).values)
    same(ours, tf.sort(times)[k - 1])
    same(ours, np.float64(to_numpy(keras.ops.sort(times))[k - 1]), tolerance=1e-6)
    assert np.mean(times <= ours) >= p and np.mean(times < ours) < p


def test_percentile_of_shares_that_binary_numbers_miss():
    """0.07 * 100 is a little more than 7, and 0.55 * 100 than 55."""
    times = np.arange(1, 101)
    for k in range(1, 101):
        assert formulas.percentile(times, k / 100) == k


@given(st.floats(0.01, 0.99), st.integers(1, 50))
def test_waits(p, k):
    ours = np.float64(formulas.waits(p, k))
    same(ours, 1 - torch.prod(torch.full((k,), p, dtype=torch.float64)))
    same(ours, 1 - tf.reduce_prod(tf.fill([k], tf.constant(p, tf.float64))))
    same(ours, 1 - to_numpy(keras.ops.prod(np.full(k, p))).astype("float64"))


def close(ours, theirs):
    """Assert equality within float32's rounding, which the frameworks use here."""
    ours, theirs = to_numpy(ours), to_numpy(theirs)
    assert ours.shape == theirs.shape
    scale = max(1.0, np.abs(theirs).max())
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=FLOAT32 * scale)
