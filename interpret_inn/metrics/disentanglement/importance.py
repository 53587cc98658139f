"""Disentanglement, completeness and informativeness: which codes does a predictor of the factors use?"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.disentanglement.inputs import Groups, Rows, read_groups, read_parts, varying
from interpret_inn.metrics.disentanglement.matrices import completeness_of, disentanglement_of
from interpret_inn.metrics.disentanglement.record import CodeScore, drawn_rows, fit_quietly, refitted
from interpret_inn.types import FloatArray, IntArray, Score

Estimator = Literal["boosting", "forest", "linear"]


class _Fitted(NamedTuple):
    """Importances (G, K), and which factors were read rightly on both sets of rows, bool (n, K)."""

    importance: FloatArray
    train: FloatArray
    test: FloatArray


def dci(
    codes: Any,
    factors: Any,
    *,
    test: tuple[Any, Any] | float = 1 / 3,
    groups: Groups | None = None,
    estimator: Estimator = "boosting",
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """Disentanglement, completeness, informativeness (Eastwood & Williams 2018, section 2).

    A predictor of each factor is trained on all dimensions; its importances make a matrix (codes, factors).
    Disentanglement asks of each code whether it matters to one factor alone, completeness of each factor whether one
    code alone matters to it (`disentanglement_of`, `completeness_of`); informativeness is how often the factors are
    read rightly.

    Figures of different estimators do not compare.

    Args:
        codes: (N, D), to learn from.
        factors: (N, K), a class per different value.
        test: Codes and factors of other rows to test on, or the share of these rows that is kept for that.
        groups: Dimensions that make up one code: the predictor still sees each, and a group's importance is the sum
            of its dimensions'; dimensions in no group are left out. None: each by itself.
        estimator: "boosting": gradient boosted trees (scikit-learn's defaults), as in Locatello et al. 2019 and in most
            published figures; some seconds a factor. "forest": a random forest of 100 trees, two to four times as fast.
            "linear": logistic regression on standardised codes, importance the mean |weight| over classes.
        resamples: For intervals. Informativeness: the test rows are drawn anew. Disentanglement and completeness:
            the rows to learn from are drawn anew and *the predictors fitted again* each time, so ask for few (20);
            the interval is Student's.
        seed: Of the split, of the estimators (one `RandomState` for all of them in turn) and of the draws.

    Returns:
        `score` is disentanglement, `further` has "completeness" and "informativeness" (accuracy on the test rows,
        mean over factors; chance is what the most frequent classes have). All in [0, 1], 1 is best. Parts: `importance`
        (G, K), columns sum to 1 if anything is used; `disentanglement` (G,) of each code, `completeness` (K,) of
        each factor, `accuracy` (K,), `informativeness_train`. Constant codes have no importance: if all
        are, disentanglement and completeness are 0. With a single factor disentanglement is 1, with a single code
        completeness.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value or of too many,
            groups that overlap, or an unknown estimator.
    """
    if estimator not in ("boosting", "forest", "linear"):
        raise InputError(f'Expected estimator="boosting", "forest" or "linear", found {estimator!r}.')
    train, test_rows = read_parts(codes, factors, test, seed)
    dimensions = read_groups(groups, train.codes.shape[1])
    found = _fitted(train, test_rows, dimensions, estimator, seed)
    value, each = disentanglement_of(found.importance)
    complete, columns = completeness_of(found.importance)
    drawn = []
    for rows in drawn_rows(len(train.codes), resamples, seed):
        other = _fitted(Rows(train.codes[rows], train.labels[rows]), None, dimensions, estimator, seed)
        drawn.append((disentanglement_of(other.importance)[0], completeness_of(other.importance)[0]))
    again = np.array(drawn).reshape(-1, 2)
    read = found.test.mean(1)
    informative = bootstrap_mean(read, share=True, seed=seed) if resamples else Score(float(read.mean()))
    return CodeScore(
        refitted(value, again[:, 0]),
        {"completeness": refitted(complete, again[:, 1]), "informativeness": informative},
        {
            "importance": found.importance,
            "disentanglement": each,
            "completeness": columns,
            "accuracy": found.test.mean(0),
            "informativeness_train": float(found.train.mean()),
        },
    )


def _fitted(
    train: Rows, test_rows: Rows | None, groups: list[IntArray], estimator: Estimator, seed: int
) -> _Fitted:
    """Importances of one predictor for each factor, and what it reads rightly."""
    used = np.concatenate(groups)
    random = np.random.RandomState(seed)  # scikit-learn takes no Generator
    inputs = train.codes[:, used]
    tested = inputs[:0] if test_rows is None else test_rows.codes[:, used]
    if estimator == "linear":
        mean, scale = inputs.mean(0), np.where(varying(inputs), inputs.std(0), 1)
        inputs, tested = (inputs - mean) / scale, (tested - mean) / scale
    importance, right, right_tested = [], [], []
    for column, labels in enumerate(train.labels.T):
        if len(np.unique(labels)) < 2:  # rows drawn anew may hold a single class
            importance.append(np.zeros(len(used)))
            continue
        model = _model(estimator, random)
        fit_quietly(model, inputs, labels)
        importance.append(_importances(model))
        if test_rows is not None:
            right.append(model.predict(inputs) == labels)
            right_tested.append(model.predict(tested) == test_rows.labels[:, column])
    matrix = np.stack(importance, 1)
    starts = np.cumsum([0, *(len(group) for group in groups)])[:-1]
    summed = np.add.reduceat(matrix, starts, 0)
    return _Fitted(summed, np.array(right, np.float64).T, np.array(right_tested, np.float64).T)


def _model(estimator: Estimator, random: np.random.RandomState) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    if estimator == "boosting":
        return GradientBoostingClassifier(random_state=random)
    if estimator == "forest":
        # All dimensions at each split, as in the paper: a split that sees only a few of them uses useless ones.
        return RandomForestClassifier(100, max_features=None, random_state=random)
    return LogisticRegression(random_state=random)


def _importances(model: Any) -> FloatArray:
    """Importances (D,) that sum to 1, or are 0."""
    if hasattr(model, "feature_importances_"):
        return np.abs(np.asarray(model.feature_importances_, np.float64))
    weights = np.abs(np.asarray(model.coef_, np.float64)).mean(0)
    return np.asarray(weights / weights.sum() if weights.sum() > 0 else weights, np.float64)
