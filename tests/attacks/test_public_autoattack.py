"""The protocol `autoattack` against the public AutoAttack of its authors, in PyTorch (skipped without it and pyautoattack)."""

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is optional: the extra bench")
pytest.importorskip("pyautoattack", reason="pyautoattack is optional: the extra bench")

import tfrepr  # noqa: E402
from benchmarks.public_autoattack import TorchScores, public_survivors  # noqa: E402
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation  # noqa: E402
from tfrepr.runs import RunDirectory  # noqa: E402
from tfrepr.training.pretrained import pretrained_run  # noqa: E402
from tfrepr.training.trained import TrainedModel  # noqa: E402

IMAGES, EPSILONS = 200, (2.0, 4.0, 8.0)
MEAN, STD = (0.49, 0.48, 0.45), (0.2, 0.21, 0.19)
NAMES = tuple("abcdefghij")


@pytest.mark.parametrize("label", ["category", "random"])
def test_both_sides_see_the_same_scores(label):
    table = np.random.RandomState(48).uniform(0, 80, (10, 64, 64)).astype(np.float32)
    representation = (CategoryRepresentation(label, NAMES) if label == "category"
                      else RegressionRepresentation(label, NAMES, table))
    keras.utils.set_random_seed(3)
    model = tfrepr.build_model("resnet32", (32, 32, 3), representation)
    images = np.random.default_rng(5).random((4, 32, 32, 3), dtype=np.float32)
    theirs = TorchScores(model, representation, MEAN, STD)(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    ours = tfrepr.class_scores(model, representation, mean=MEAN, std=STD)(images)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar10-resnet32-category", "cifar10-resnet32-speech"])
def test_the_public_attack_finds_at_most_one_point_more(name, shared, tmp_path):
    """More than an hour on one core, most of it the public side's."""
    with np.load(shared / "data" / "cifar10_test_first1017_original.npz") as archive:
        images, ids = archive["images"][:IMAGES], archive["labels"][:IMAGES].astype(int)
    trained = TrainedModel.load(RunDirectory(pretrained_run(name, tmp_path)))
    network = {"mean": trained.mean, "std": trained.std}
    table = tfrepr.attack(trained.model, trained.representation, images, ids, protocol="autoattack",
                          epsilons=",".join(map(str, EPSILONS)), **network)
    ours = table[table["attack"] == "ensemble"].set_index("epsilon")["accuracy"]
    theirs = dict(public_survivors(TorchScores(trained.model, trained.representation, **network), images, ids, EPSILONS))
    for epsilon in EPSILONS:
        assert ours[epsilon] - theirs[epsilon].mean() <= 0.01
