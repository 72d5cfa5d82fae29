"""Records what NumPy, scikit-learn, statsmodels and R say, as the tests of core/statistics expect it.

Needs R with the packages pROC and boot. Run from the repository's root; the file written is committed:

    uv run --with numpy==2.4.6 --with scikit-learn==1.9.1 --with statsmodels==0.15.0 \
        tasks/core/src/test/python/statistics_fixtures.py
"""

import csv
import json
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/statistics/fixtures.json"
METRICS = ("f1_score", "f1_macro", "f1_weighted", "accuracy", "roc_auc", "precision", "recall")
STRATIFIED = 1 << 62
OF_ROWS = 1 << 61

R_SCRIPT = """
suppressMessages({library(pROC); library(boot)})
arguments <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(arguments[1])
first <- roc(rows$label, rows$first, direction = "<", quiet = TRUE)
second <- roc(rows$label, rows$second, direction = "<", quiet = TRUE)
result <- c(auc(first), auc(second), var(first), var(second), cov(first, second),
            ci.auc(first, conf.level = 0.9)[c(1, 3)],
            roc.test(first, second, method = "delong")$p.value)
set.seed(7)
sample <- rows$skewed
made <- boot(sample, function(x, i) mean(x[i]), R = 499)
influence <- empinf(made)
ends <- c(boot.ci(made, conf = 0.9, type = "bca", L = influence)$bca[4:5],
          boot.ci(made, conf = 0.99, type = "bca", L = influence)$bca[4:5])
options(digits = 17)
write.table(t(result), arguments[2], row.names = FALSE, col.names = FALSE, sep = ",")
write.table(t(ends), arguments[3], row.names = FALSE, col.names = FALSE, sep = ",")
write.table(t(as.vector(made$t)), arguments[4], row.names = FALSE, col.names = FALSE, sep = ",")
"""


def numbers(path: Path) -> list[float]:
    with path.open() as lines:
        return [float(x) for x in next(csv.reader(lines))]


def two_models(rows: int, classes: int, seed: int) -> tuple[Integers, Floats, Floats]:
    """Labels and the probabilities of two classifiers that are often right and often agree."""
    random = np.random.default_rng(seed)
    labels = random.choice(classes, rows, p=np.arange(classes, 0, -1) / sum(range(classes + 1)))
    shared = random.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[labels]
    models = []
    for scale in (0.6, 0.9):
        logits = shared + scale * random.normal(size=(rows, classes))
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        rounded = np.round(probabilities, 2)  # ties
        rounded[:, 0] = 1 - rounded[:, 1:].sum(axis=1)
        models.append(np.clip(rounded, 0, 1))
    return labels, models[0], models[1]


def answers(probabilities: Floats) -> Integers:
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= 0.5).astype(int)
    return probabilities.argmax(axis=1)


def value(metric: str, labels: Integers, probabilities: Floats, weights: Floats) -> float:
    """A metric of weighted rows, by scikit-learn."""
    binary = probabilities.shape[1] == 2
    if metric == "roc_auc":
        if binary:
            return float(metrics.roc_auc_score(labels, probabilities[:, 1], sample_weight=weights))
        return float(
            np.mean(
                [
                    metrics.roc_auc_score(labels == c, probabilities[:, c], sample_weight=weights)
                    for c in range(probabilities.shape[1])
                ]
            )
        )
    given = answers(probabilities)
    if metric == "accuracy":
        return float(metrics.accuracy_score(labels, given, sample_weight=weights))
    name, _, average = metric.partition("_")
    of_positive = "binary" if binary else "macro"
    average = average if average in ("macro", "weighted") else of_positive
    function = getattr(metrics, f"{name}_score")
    return float(function(labels, given, average=average, sample_weight=weights, zero_division=0))


def influences(metric: str, labels: Integers, probabilities: Floats) -> list[float]:
    """Central differences of the metric by the weight of each row, times the number of rows."""
    rows = len(labels)
    step = 1e-4
    found = []
    for row in range(rows):
        changed = []
        for sign in (1, -1):
            weights = np.ones(rows)
            weights[row] += sign * step
            changed.append(value(metric, labels, probabilities, weights))
        found.append(rows * (changed[0] - changed[1]) / (2 * step))
    return found


def philox(seed: int, stream: int) -> np.random.Philox:
    return np.random.Philox(key=[seed, 0], counter=[0, stream, 0, 0])


def indices(seed: int, stream: int, sizes: list[int]) -> list[Integers]:
    """As Philox.fillIndices draws them, for one bound after the other."""
    generator = philox(seed, stream)
    drawn = []
    for size in sizes:
        bits = np.atleast_1d(generator.random_raw((size + 1) // 2))
        halves = np.stack([bits >> np.uint64(32), bits & np.uint64(0xFFFFFFFF)], axis=1).ravel()
        drawn.append(((halves[:size] * np.uint64(size)) >> np.uint64(32)).astype(int))
    return drawn


def binomial(trials: int, probability: float, uniform: float) -> int:
    """As Binomial.draw finds it: by SciPy's probabilities, added up from the mode outwards."""
    mode = min(trials, int((trials + 1) * probability))
    distances = np.arange(1, trials + 1)
    outwards = np.column_stack([mode + distances, mode - distances]).ravel()
    order = np.concatenate([[mode], outwards[(outwards >= 0) & (outwards <= trials)]])
    sums = np.cumsum(binom.pmf(order, trials, probability))
    return int(order[np.searchsorted(sums, uniform, side="right")])


def weights_of_cells(
    labels: Integers, first: Floats, second: Floats, seed: int, stream: int
) -> Floats:
    """Draws how many rows each combination of class and answers has, and shares them evenly."""
    combinations = np.column_stack([labels, answers(first), answers(second)])
    _, cell_of_row, sizes = np.unique(combinations, axis=0, return_inverse=True, return_counts=True)
    generator = np.random.Generator(philox(seed, stream))
    drawn: list[int] = []
    for cell, size in enumerate(sizes):
        left = len(labels) - sum(drawn)
        share = size / sizes[cell:].sum()
        last = cell == len(sizes) - 1
        drawn.append(left if last else binomial(left, share, generator.random()))
    return (np.array(drawn) / sizes)[cell_of_row.ravel()]


def resampled_means(values: Floats, seed: int, resamples: int) -> list[float]:
    return [
        float(values[indices(seed, OF_ROWS + resample, [len(values)])[0]].mean())
        for resample in range(resamples)
    ]


def resampled(
    metric: str, labels: Integers, first: Floats, second: Floats, seed: int, resamples: int
) -> list[float]:
    rows = len(labels)
    differences = []
    for resample in range(resamples):
        if metric == "roc_auc":
            strata = [np.flatnonzero(labels == c) for c in range(first.shape[1])]
            picks = indices(seed, STRATIFIED + resample, [len(s) for s in strata])
            drawn = np.concatenate([s[p] for s, p in zip(strata, picks, strict=True)])
            weights = np.bincount(drawn, minlength=rows).astype(float)
        else:
            weights = weights_of_cells(labels, first, second, seed, resample)
        differences.append(
            value(metric, labels, second, weights) - value(metric, labels, first, weights)
        )
    return differences


def paired(name: str, rows: int, classes: int, seed: int) -> dict[str, object]:
    labels, first, second = two_models(rows, classes, seed)
    return {
        "name": name,
        "classes": classes,
        "labels": labels.tolist(),
        "first": first.ravel().tolist(),
        "second": second.ravel().tolist(),
        "influences": {m: influences(m, labels, first) for m in METRICS},
        "seed": seed,
        "means": resampled_means(first[:, 0] - second[:, 0], seed, 100),
        "differences": {m: resampled(m, labels, first, second, seed, 100) for m in METRICS},
    }


def from_r() -> dict[str, object]:
    rows = 120
    labels, first, second = two_models(rows, 2, 11)
    skewed = np.random.default_rng(3).exponential(size=rows)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "rows.csv")
        with table.open("w") as out:
            writer = csv.writer(out)
            writer.writerow(["label", "first", "second", "skewed"])
            writer.writerows(zip(labels, first[:, 1], second[:, 1], skewed, strict=True))
        script = Path(folder, "oracle.R")
        script.write_text(R_SCRIPT)
        results = [Path(folder, f"{i}.csv") for i in range(3)]
        subprocess.run(["Rscript", script, table, *results], check=True)
        areas, ends, values = map(numbers, results)
    return {
        "labels": labels.tolist(),
        "first": first.ravel().tolist(),
        "second": second.ravel().tolist(),
        "auc": areas[:2],
        "variances": areas[2:4],
        "covariance": areas[4],
        "interval90": areas[5:7],
        "pValue": areas[7],
        "sample": skewed.tolist(),
        "resampledMeans": values,
        "bca90": ends[:2],
        "bca99": ends[2:],
    }


def main() -> None:
    warnings.filterwarnings("ignore")
    tables = [(0, 0), (3, 9), (9, 3), (5, 5), (40, 71), (1, 0)]
    fixtures = {
        "philox": [
            {
                "seed": seed,
                "stream": stream,
                "raw": [str(x) for x in philox(seed, stream).random_raw(10)],
                "doubles": np.random.Generator(philox(seed, stream)).random(5).tolist(),
                "indices": indices(seed, stream, [7])[0].tolist(),
            }
            for seed, stream in ((0, 0), (42, 1), (2**63 - 1, STRATIFIED + 3))
        ],
        "binomial": [
            {
                "trials": trials,
                "probability": probability,
                "uniforms": uniforms.tolist(),
                "drawn": [binomial(trials, probability, uniform) for uniform in uniforms],
            }
            for trials, probability in ((0, 0.5), (1, 0.3), (7, 0.02), (60, 0.98), (200_000, 0.4))
            for uniforms in [np.append(np.random.default_rng(trials).random(40), [0, 1 - 1e-9])]
        ],
        "mcnemar": [
            {
                "lost": lost,
                "gained": gained,
                "pValue": float(mcnemar([[10, lost], [gained, 10]], exact=True).pvalue),
            }
            for lost, gained in tables
        ],
        "paired": [paired("two classes", 60, 2, 5), paired("four classes", 90, 4, 6)],
        "r": from_r(),
    }
    FIXTURES.parent.mkdir(parents=True, exist_ok=True)
    FIXTURES.write_text(json.dumps(fixtures) + "\n")


if __name__ == "__main__":
    main()
