"""Grad-CAM on models small enough that the answer can be written down, and the files of a real run."""

import keras
import numpy as np
import pytest

from tests.synthetic_runs import write_run
from tfrepr.analysis.gradcam import activation_maps, enlarge, example_images, stage_outputs, write_gradcam
from tfrepr.errors import UserError
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.models.build import build_model
from tfrepr.registry import DATASETS
from tfrepr.results.gradcam import read_gradcam
from tfrepr.runs import RunDirectory
from tfrepr.training.trained import TrainedModel

NAMES = ("a", "b", "c")
SIDE = 4


def averaging_model(head_weights=None, head_bias=None):
    """Image = activation; features = mean over places; output = features, or a dense layer on them."""
    inputs = keras.Input((SIDE, SIDE, 3))
    stage = keras.layers.Identity(name="stage1")(inputs)
    outputs = keras.layers.GlobalAveragePooling2D(name="features")(stage)
    if head_weights is not None:
        head = keras.layers.Dense(len(head_bias), name="head")
        outputs = head(outputs)
        head.set_weights([head_weights, head_bias])
    return keras.Model(inputs, outputs), {"stage1": stage}


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(5, SIDE, SIDE, 3)).astype(np.float32)


def test_a_logit_that_is_a_weighted_mean_of_the_activation(images):
    noise = np.random.default_rng(1)
    weights, bias = noise.normal(size=(3, 3)).astype(np.float32), noise.normal(size=3).astype(np.float32)
    model, stages = averaging_model(weights, bias)
    predicted, (maps,) = activation_maps(model, CategoryRepresentation("category", NAMES), images, stages)
    np.testing.assert_array_equal(predicted, (images.mean(axis=(1, 2)) @ weights + bias).argmax(axis=1))
    # dy_c / dA[i, j, k] = w[k, c] / places at every place, so alpha_k is that too.
    expected = [np.maximum(0, image @ weights[:, winner] / SIDE**2) for image, winner in zip(images, predicted, strict=True)]
    np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-7)


def test_a_regressed_label_scores_by_minus_the_distance_to_the_predicted_row(images):
    table = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 2]], np.float32)
    model, stages = averaging_model()
    predicted, (maps,) = activation_maps(model, RegressionRepresentation("lowdim", NAMES, table), images, stages)
    features = images.mean(axis=(1, 2))
    np.testing.assert_array_equal(predicted, ((features[:, None] - table) ** 2).sum(axis=2).argmin(axis=1))
    # score = -mean_k (f_k - t_k)^2, so dy / dA[i, j, k] = -2 (f_k - t_k) / 3 / places.
    alpha = -2 * (features - table[predicted]) / 3 / SIDE**2
    np.testing.assert_allclose(maps, np.maximum(0, np.einsum("nijk,nk->nij", images, alpha)), rtol=1e-4, atol=1e-7)


def test_images_of_a_batch_do_not_mix(images):
    weights = np.eye(3, dtype=np.float32)
    model, stages = averaging_model(weights, np.zeros(3, np.float32))
    representation = CategoryRepresentation("category", NAMES)
    _, (together,) = activation_maps(model, representation, images, stages)
    alone = [activation_maps(model, representation, image[None], stages)[1][0][0] for image in images]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.parametrize(("encoder", "names", "sides"), [("resnet32", ["stage1", "stage2", "stage3"], [32, 16, 8]),
                                                         ("vgg19", ["stage1", "stage3", "stage5"], [32, 8, 2])])
def test_beginning_middle_and_end_of_an_encoder_are_pictures(encoder, names, sides):
    stages = stage_outputs(build_model(encoder, (32, 32, 3), CategoryRepresentation("category", NAMES)))
    assert list(stages) == names
    assert [tensor.shape[1] for tensor in stages.values()] == sides


def test_a_model_without_stages_is_refused():
    with pytest.raises(UserError, match="three stages of convolutions"):
        stage_outputs(averaging_model()[0])


def test_enlarged_maps_are_scaled_by_their_own_maximum():
    maps = np.stack([np.zeros((2, 2)), [[0, 0], [0, 5.0]], [[1, 1], [1, 1]]]).astype(np.float32)
    large = enlarge(maps, 8, 8)
    assert large.shape == (3, 8, 8)
    np.testing.assert_array_equal(large[0], 0)
    assert (large[1].max(), large[1][-1, -1], large[1][0, 0]) == (1, 1, 0)
    np.testing.assert_allclose(large[2], 1, rtol=1e-6)


def test_examples_are_one_image_of_each_class_then_the_next():
    ids = np.array([2, 0, 0, 1, 2, 1])
    assert list(example_images(ids, 5)) == [1, 3, 0, 2, 5]


@pytest.mark.parametrize("run", ["spoken_run", "category_run"])
def test_the_file_of_a_run(run, request):
    run, dataset = request.getfixturevalue(run), DATASETS["digits"](None, None)
    write_gradcam(TrainedModel.load(run), dataset)
    arrays = read_gradcam(run)
    assert list(arrays["class_ids"]) == list(range(8))
    assert arrays["maps"].shape == (8, 3, 32, 32)
    assert arrays["maps"].max() == 1
    chosen = example_images(dataset.test_ids)
    np.testing.assert_array_equal(arrays["images"], dataset.test_images[chosen])
    trained = TrainedModel.load(run)
    outputs = np.concatenate(list(trained.outputs(dataset.test_images[chosen])))
    np.testing.assert_array_equal(arrays["predicted"], np.asarray(trained.representation.decode(outputs)))


def test_missing_and_damaged_files(tmp_path):
    run = RunDirectory(write_run(tmp_path))
    assert read_gradcam(run) == {}
    (run / "gradcam.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"damaged .* scripts/analyse\.py"):
        read_gradcam(run)
