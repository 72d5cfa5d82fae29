"""Records what SciPy and NumPy make of samples, as the tests of core/drift expect it.

Run from the repository's root; the file written is committed:

    uv run --with scipy==1.17.1 --with numpy tasks/core/src/test/python/drift_fixtures.py
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance

Floats = NDArray[np.float64]

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/drift/fixtures.json"


def psi(p: Floats, q: Floats) -> float:
    """The population stability index; shares below 0.0001 count as 0.0001."""
    p, q = np.maximum(p / p.sum(), 1e-4), np.maximum(q / q.sum(), 1e-4)
    return float(np.sum((p - q) * np.log(p / q)))


def deciles(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """Counts between the reference's deciles; the next number ends one that repeats."""
    cuts = np.quantile(reference, np.arange(1, 10) / 10).astype(np.float32)
    values, times = np.unique(cuts, return_counts=True)
    repeated = np.nextafter(values[times > 1], np.float32(np.inf))
    edges = np.union1d(values, repeated)
    size = len(edges) + 1
    return tuple(
        np.bincount(np.searchsorted(edges, sample, side="right"), minlength=size)
        for sample in (reference, current)
    )


def fixture(name: str, reference: Floats, current: Floats) -> dict[str, object]:
    reference, current = reference.astype(np.float32), current.astype(np.float32)
    p, q = deciles(reference, current)
    ks = ks_2samp(reference, current, method="asymp")
    return {
        "name": name,
        "reference": reference.tolist(),
        "current": current.tolist(),
        "reference_counts": p.tolist(),
        "current_counts": q.tolist(),
        "psi": psi(p, q),
        "jensen_shannon": float(jensenshannon(p, q, base=2) ** 2),
        "ks": float(ks.statistic),
        "ks_p_value": float(ks.pvalue),
        "wasserstein": float(
            wasserstein_distance(reference.astype(np.float64), current.astype(np.float64))
        ),
    }


def main() -> None:
    rng = np.random.Generator(np.random.Philox(7))
    normal, uniform = rng.standard_normal, rng.random
    FIXTURES.parent.mkdir(parents=True, exist_ok=True)
    fixtures = [
        fixture("same population", normal(300), normal(200)),
        fixture("shifted", normal(250), 0.5 + normal(400)),
        fixture("wider", normal(400), 2 * normal(150)),
        fixture("few values", np.floor(4 * uniform(300)), np.floor(5 * uniform(250))),
        fixture(
            "half zero",
            np.where(uniform(300) < 0.5, 0, normal(300)),
            np.where(uniform(200) < 0.3, 0, normal(200)),
        ),
        fixture("constant", np.full(60, 2.0), np.concatenate([np.full(30, 2.0), np.full(10, 3.0)])),
        fixture("no common value", uniform(80), 10 + uniform(90)),
        fixture("heavy tails", rng.standard_cauchy(300), rng.standard_cauchy(300)),
    ]
    FIXTURES.write_text(json.dumps(fixtures, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
