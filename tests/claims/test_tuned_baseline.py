"""The tuned baseline is what its rule says: the pair with the best validation accuracy of seed 0, in the committed records."""

import itertools
from pathlib import Path

from tfrepr.claims.catalogue import all_claims
from tfrepr.experiments import evidence
from tfrepr.report.pages import read_sources

ROOT = Path(__file__).resolve().parents[2]


def test_validation_accuracy_of_seed_0_chose_the_rate_and_the_weight_decay():
    index = read_sources(ROOT / "output" / "results").index
    found = {}
    for rate, decay in itertools.product(evidence.BASELINE_RATES, evidence.BASELINE_DECAYS):
        cell = evidence.one_percent("category", 0).replace(epochs=600, learning_rate=rate, weight_decay=decay)
        (run,) = (run for seeds in index.seeds(cell) for run in seeds.runs if (run["seed"], run["epochs"]) == (0, 600))
        found[rate, decay] = run["best_val_accuracy"]
    assert max(found, key=found.get) == (evidence.TUNED["learning_rate"], evidence.TUNED["weight_decay"])


def test_the_claim_compares_with_the_chosen_one():
    (claim,) = (claim for claim in all_claims() if claim.name == "C2t")
    for comparison in claim.comparisons:
        label, category = (cell for cell, _ in comparison.terms)
        assert (category.epochs, label.epochs) == (600, 600)
        assert {name: getattr(category, name) for name in evidence.TUNED} == evidence.TUNED
        assert label.weight_decay == 1e-4, "labels keep the paper's"
    assert (claim.date, claim.seen.partition(";")[0]) == ("2026-11-26", "when the other labels were trained")
