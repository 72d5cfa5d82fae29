"""Records scikit-learn's TF-IDF weights of a few texts, as the test of TfIdf expects them.

Run from the repository's root; the file written is committed:

    uv run --with scikit-learn==1.9.1 --with numpy tasks/core/src/test/python/text_fixtures.py
"""

import json
import unicodedata
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/preprocessing/texts.json"
TRAINING = [
    "My card has not arrived, where is my card?",
    "The card arrived but it isn't working.",
    "I want my money back: the 2 transfers of €20 were not mine!",
    "Where is my money? The transfer has not arrived.",
    "Überweisung nach Zürich: wo ist mein Geld?",
    "Mein Geld ist weg, wo ist die Überweisung nach Genf",
    "Ｗｈｅｒｅ is the ﬁrst transfer of snake_case 2",
    "ΠΟΥ ΕΙΝΑΙ η κάρτα μου",
    "η κάρτα μου δεν ήρθε",
    "the first transfer, the first card, the FIRST money",
]
LATER = [
    "where is my first card, my first, my first!",
    "die Überweisung: wo ist sie",
    "δεν ήρθε η κάρτα μου",
    "nothing known here",
]


def normal(text: str) -> str:
    """The form in which both sides compare words."""
    return unicodedata.normalize("NFKC", text).lower()


def main() -> None:
    """Fits on the training texts and records the weights of all texts by term."""
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2,
        token_pattern=r"\w+",
        preprocessor=normal,
        dtype=np.float64,
    )
    vectorizer.fit(TRAINING)
    terms = vectorizer.get_feature_names_out()
    weights = [
        {terms[i]: float(row[i]) for i in np.flatnonzero(row)}
        for row in vectorizer.transform(TRAINING + LATER).toarray()
    ]
    fixture = {"training": TRAINING, "later": LATER, "terms": list(terms), "weights": weights}
    FIXTURES.parent.mkdir(parents=True, exist_ok=True)
    FIXTURES.write_text(json.dumps(fixture, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
