"""What Python users run for texts: scikit-learn's TfidfVectorizer and LogisticRegression.

`text.py make FILE ROWS` writes made questions. `text.py train FOLDER C [validation]` fits on
FOLDER/training.csv (and validation.csv), and prints CPU and wall seconds of the fit and macro F1 on
FOLDER/holdout.csv. `text.py answer FOLDER FILE BATCH` fits, then times raw texts to classes.
"""

import csv
import json
import random
import sys
import time
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline, make_pipeline

MOST_TERMS = 20_000


def make(file: Path, count: int) -> None:
    """Write questions of 30 intents, each with words of its own among 400 that say nothing."""
    draw = random.Random(0)  # noqa: S311 (repeatable, not secret)
    with file.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(["text", "category"])
        for _ in range(count):
            intent = draw.randrange(30)
            own = [f"w{intent}x{draw.randrange(12)}" for _ in range(draw.randrange(1, 4))]
            words = own + [f"z{int(400 * draw.random() ** 2)}" for _ in range(8)]
            draw.shuffle(words)
            out.writerow([" ".join(words), f"intent {intent}"])


def read(file: Path) -> tuple[list[str], list[str]]:
    """Read texts and labels."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def fit(folder: Path, regularization: float, *, validation: bool) -> Pipeline:
    """Fit as a user would, with the limit of terms that ours has."""
    texts, labels = read(folder / "training.csv")
    if validation:
        more = read(folder / "validation.csv")
        texts, labels = texts + more[0], labels + more[1]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_TERMS),
        LogisticRegression(C=regularization, max_iter=1000),
    )
    return model.fit(texts, labels)


def main() -> None:
    """Do what is asked and print what was measured."""
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]))
        return
    folder = Path(sys.argv[2])
    answer: dict[str, float] = {}
    if sys.argv[1] == "train":
        cpu, wall = time.process_time(), time.perf_counter()
        model = fit(folder, float(sys.argv[3]), validation="validation" in sys.argv)
        answer |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        texts, labels = read(folder / "holdout.csv")
        answer["f1_macro"] = float(f1_score(labels, model.predict(texts), average="macro"))
    else:
        model = fit(folder, 10, validation=False)
        texts, _ = read(Path(sys.argv[3]))
        batch = int(sys.argv[4])
        if batch == 1:
            texts = texts[:1_000]
        cpu, wall = time.process_time(), time.perf_counter()
        for start in range(0, len(texts), batch):
            model.predict(texts[start : start + batch])
        answer |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        answer["rows"] = len(texts)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
