"""The formulas of practice/training_and_evaluation, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same, vectors
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

formulas = chapter.load("practice/training_and_evaluation")

seeds = st.integers(0, 2**32 - 1)


def measured(metric, y, s):
    """Result of a Keras metric as a number."""
    metric.update_state(np.float64(y)[:, None], np.float64(s)[:, None])
    return float(np.squeeze(keras.ops.convert_to_numpy(metric.result())))


@st.composite
def judged(draw, both=False):
    """Labels and scores (n,); both: at least one of each label. Ties are frequent."""
    rng = np.random.default_rng(draw(seeds))
    n = draw(st.integers(2, 30))
    y = (rng.random(n) < draw(st.sampled_from([0.1, 0.5, 0.9]))).astype(int)
    if both:
        y[rng.permutation(n)[:2]] = 0, 1
    return y, np.round(rng.random(n) * 0.98 + 0.01, draw(st.sampled_from([1, 2, 8])))


@given(judged())
def test_counts_and_shares(problem):
    y, s = problem
    y_hat = (s > 0.5).astype(int)
    counts = formulas.counts(y, y_hat)
    called, is_ = torch.tensor(y_hat) == 1, torch.tensor(y) == 1
    pairs = (called & is_, called & ~is_, ~called & is_, ~called & ~is_)
    assert counts == [int(pair.sum()) for pair in pairs]
    table = tf.math.confusion_matrix(y, y_hat, num_classes=2).numpy()
    assert counts == [table[1, 1], table[0, 1], table[1, 0], table[0, 0]]

    ours = formulas.shares(*counts)
    theirs = [metrics.accuracy_score(y, y_hat)] + [
        score(y, y_hat, zero_division=0)
        for score in (
            metrics.precision_score,
            metrics.recall_score,
            metrics.f1_score,
        )
    ]
    same(ours, np.array(theirs))
    names = ("BinaryAccuracy", "Precision", "Recall")
    for mine, name in zip(ours, names, strict=False):
        assert abs(mine - measured(getattr(keras.metrics, name)(), y, s)) < 1e-5


@given(st.integers(2, 20).flatmap(lambda n: st.tuples(vectors(n, 10), vectors(n, 10))))
def test_regression_scores(problem):
    y, y_hat = problem
    y = y + np.arange(len(y))  # not all the same, or R² isn't defined
    if np.var(y) < 1e-3:
        y = y + np.arange(len(y))
    size = np.mean((np.abs(y_hat) + np.abs(y)) ** 2)
    ours = formulas.mse(y, y_hat)
    t, t_hat = torch.tensor(y), torch.tensor(y_hat)
    same(ours, torch.nn.functional.mse_loss(t_hat, t), size)
    same(ours, tf.reduce_mean(tf.square(y_hat - y)), size)
    same(ours, metrics.mean_squared_error(y, y_hat), size)
    same(
        formulas.r2(y, y_hat),
        np.float64(metrics.r2_score(y, y_hat)),
        size * (1 + ours) / np.var(y) ** 2 + 1,
    )


@given(judged(both=True))
def test_ranking(problem):
    y, s = problem
    fpr, tpr = formulas.roc_curve(y, s)
    theirs = metrics.roc_curve(y, s, drop_intermediate=False)
    same(fpr, theirs[0])
    same(tpr, theirs[1])
    area = formulas.auc(y, s)
    same(area, np.float64(metrics.roc_auc_score(y, s)))
    same(formulas.area(fpr, tpr), area)

    above = torch.tensor(s[y == 1])[:, None] - torch.tensor(s[y == 0])
    wins = (above > 0).double() + 0.5 * (above == 0)
    same(area, wins.mean())
    above = tf.constant(s[y == 1])[:, None] - tf.constant(s[y == 0])
    same(area, tf.reduce_mean((1 + tf.sign(above)) / 2))


def test_ranking_keras():
    """Given a threshold between any two scores, the metric is exact."""
    rng = np.random.default_rng(seed=0)
    for _ in range(5):
        y, s = np.arange(20) % 2, np.round(rng.random(20), 1)
        u = np.unique(s)
        metric = keras.metrics.AUC(thresholds=list((u[1:] + u[:-1]) / 2))
        assert abs(formulas.auc(y, s) - measured(metric, y, s)) < 1e-6


@given(judged(both=True), st.integers(1, 50))
def test_precision_from_rates(problem, copies):
    """Weighted negatives give what the formula says for their new share."""
    y, s = problem
    y_hat = s >= np.median(s)
    tp, fp = np.sum(y_hat & (y == 1)), np.sum(y_hat & (y == 0))
    if tp + fp == 0:
        return
    n_pos, n_neg = np.sum(y == 1), np.sum(y == 0)
    share = n_pos / (n_pos + copies * n_neg)
    ours = formulas.precision_from_rates(share, tp / n_pos, fp / n_neg)
    weights = np.where(y == 1, 1.0, copies)
    same(ours, np.float64(metrics.precision_score(y, y_hat, sample_weight=weights)))
    w, called, is_ = (torch.tensor(a) for a in (weights, y_hat, y == 1))
    same(ours, (w * (called & is_)).sum() / (w * called).sum())
    table = tf.math.confusion_matrix(y, y_hat, weights=weights, dtype=tf.float64)
    same(ours, table[1, 1] / (table[0, 1] + table[1, 1]))


@given(st.integers(2, 20).flatmap(lambda m: vectors(m, 10)), st.floats(0, 2))
def test_mean_and_error(d, q):
    mean, error = formulas.mean_and_error(d, q)
    m, size = len(d), np.abs(d).max() * 100
    t = torch.tensor(d)
    same(mean, t.mean(), size)
    same(error, t.std() * (1 / m + q) ** 0.5, size * 1e4)
    same(mean, tf.reduce_mean(d), size)
    s = tf.math.reduce_std(d) * (m / (m - 1)) ** 0.5
    same(error, s * (1 / m + q) ** 0.5, size * 1e4)
    s = float(keras.ops.std(d)) * (m / (m - 1)) ** 0.5
    assert abs(error - s * (1 / m + q) ** 0.5) < 1e-4 * (1 + size)
