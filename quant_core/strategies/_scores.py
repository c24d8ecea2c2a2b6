"""How good predictions are on rows that nothing was trained on."""

from __future__ import annotations

import numpy as np

__all__ = ["deciles", "hit_rate", "rank_ic"]

_FEWEST_ASSETS = 3
_DECILES = 10


def rank_ic(predictions: np.ndarray, outcomes: np.ndarray, dates: np.ndarray) -> float:
    """Return the rank information coefficient.

    Spearman's rank correlation of predictions and outcomes across the assets of a date, averaged
    over the dates with at least three (Grinold and Kahn, *Active Portfolio Management*, chapter 6);
    with fewer assets on every date, the one over all rows.

    Parameters
    ----------
    predictions, outcomes : numpy.ndarray, shape (H,)
        What was predicted and what came.
    dates : numpy.ndarray of int64, shape (H,)
        Date of each row, ascending.

    Returns
    -------
    float
        In [-1, 1]; NaN where predictions or outcomes do not differ.
    """
    cuts = np.flatnonzero(np.diff(dates)) + 1
    groups = [rows for rows in np.split(np.arange(len(dates)), cuts) if len(rows) >= _FEWEST_ASSETS]
    if not groups:
        return _spearman(predictions, outcomes)
    found = np.array([_spearman(predictions[rows], outcomes[rows]) for rows in groups])
    defined = found[~np.isnan(found)]
    return float(defined.mean()) if len(defined) else float("nan")


def _spearman(left: np.ndarray, right: np.ndarray) -> float:
    from scipy.stats import rankdata  # noqa: PLC0415 - a second to import, and only training ranks

    one, other = (rankdata(values) - (len(values) + 1) / 2 for values in (left, right))
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else float("nan")


def hit_rate(predictions: np.ndarray, outcomes: np.ndarray) -> float:
    """Return the share of rows whose prediction and outcome have one sign; rows with a 0 miss."""
    return float(np.mean(predictions * outcomes > 0)) if len(outcomes) else float("nan")


def deciles(predictions: np.ndarray, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean prediction and mean outcome of each tenth, lowest predictions first.

    Parameters
    ----------
    predictions, outcomes : numpy.ndarray, shape (H,)
        What was predicted and what came.

    Returns
    -------
    tuple of numpy.ndarray, shape (10,)
        NaN in tenths without a row.
    """
    order = np.argsort(predictions, kind="stable")
    parts = np.array_split(order, _DECILES)
    means = [
        np.array([values[part].mean() if len(part) else np.nan for part in parts])
        for values in (predictions, outcomes)
    ]
    return means[0], means[1]
