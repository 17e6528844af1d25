"""A small study of every kind: several labels, encoders and seeds, with attacks and one gallery."""

import itertools

import pytest

from tests.synthetic_runs import FINAL, write_experiment, write_gallery, write_run
from tfrepr.results.tables import Results, read_results
from tfrepr.selection import find_runs


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory):
    """An output folder with 2 encoders, 9 labels and the smoothed category label; 3 seeds for category and speech."""
    output = tmp_path_factory.mktemp("study")
    runs = []
    for encoder, label in itertools.product(("resnet32", "resnet110"), FINAL):
        for seed in range(3 if label in ("category", "speech") else 1):
            runs.append(write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=20, attacks=True,
                                  config={"label": label, "encoder": encoder, "seed": seed}))
        if label == "category":
            runs.append(write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=20, attacks=True,
                                  config={"encoder": encoder, "label_smoothing": 0.1}))
    write_gallery(runs[0])
    write_experiment(output, "study", runs)
    return output


@pytest.fixture(scope="session")
def study(study_folder) -> Results:
    """What `study_folder` says."""
    return read_results(find_runs(study_folder))
