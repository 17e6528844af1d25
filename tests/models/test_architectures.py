"""Parameter counts of the paper's authors' models, shapes, initialisation, and the file format."""

import keras
import numpy as np
import pytest

from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.models.build import build_model
from tfrepr.models.heads import decoder_plan
from tfrepr.training.checkpoint import load_model, save_model


def representation(classes=10, shape=None):
    names = tuple(f"class{i}" for i in range(classes))
    if shape is None:
        return CategoryRepresentation("category", names)
    return RegressionRepresentation("random", names, np.random.RandomState(48).uniform(0, 80, (classes, *shape)))


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


COUNTS = {  # category 10, category 100, 64x64, BERT 48x48
    "resnet32": (466_906, 472_756, 579_577, 550_905),
    "resnet110": (1_730_714, 1_736_564, 1_843_385, 1_814_713),
    "vgg19": (20_040_522, 20_086_692, 20_178_281, 20_149_609),
}


@pytest.mark.parametrize("encoder", ["resnet32", pytest.param("resnet110", marks=pytest.mark.slow), "vgg19"])
def test_parameter_counts_of_the_authors_models(encoder):
    labels = (representation(10), representation(100), representation(10, (64, 64)), representation(10, (48, 48)))
    assert tuple(trainable(build_model(encoder, (32, 32, 3), label)) for label in labels) == COUNTS[encoder]


def test_glove_and_statistics_counts():
    assert trainable(build_model("resnet32", (32, 32, 3), representation(10, (50,)))) == 469_506
    category = build_model("resnet32", (32, 32, 3), representation(10))
    assert sum(int(np.prod(variable.shape)) for variable in category.non_trainable_variables) == 2_464


@pytest.mark.parametrize(("label", "count"), [("onehot", 466_906), ("lowdim", 466_906), ("blocks", 579_577),
                                              ("random", 579_577)])
def test_labels_of_equal_dimension_have_equal_networks(label, count):
    """The 2 x 2 of `dimension-entropy`: within a dimension only the rows differ."""
    labels = build_representation(label, tuple(f"class{i}" for i in range(10)), image_side=32)
    assert trainable(build_model("resnet32", (32, 32, 3), labels)) == count


def test_decoder_alone_and_neck():
    model = build_model("resnet32", (32, 32, 3), representation(10, (64, 64)))
    neck = sum(layer.count_params() for layer in model.layers if layer.name in ("neck_bn", "neck"))
    decoder = sum(layer.count_params() for layer in model.layers if layer.name.startswith("decoder"))
    statistics = sum(2 * layer.weights[0].shape[0] for layer in model.layers
                     if layer.name.endswith("_bn") and layer.name.startswith(("neck", "decoder")))
    assert neck + decoder - statistics == 109_033 + 4_288


@pytest.mark.parametrize(("side", "plan"), [(64, (4, 4)), (48, (3, 4)), (128, (4, 5)), (32, (4, 3)), (56, (7, 3)), (8, (4, 1)),
                                            (24, (3, 3))])
def test_decoder_plan(side, plan):
    assert decoder_plan(side) == plan
    assert plan[0] * 2 ** plan[1] == side


@pytest.mark.parametrize("side", [62, 4, 44, 100])
def test_sides_that_no_decoder_makes_name_the_ones_that_are_near(side):
    with pytest.raises(UserError, match=r"Sides near it that can: .*\(--image-size "):
        decoder_plan(side)


@pytest.mark.parametrize("shape", [(64, 64), (48, 48), (10,), (16, 16)])
def test_output_has_the_shape_of_a_label(shape):
    model = build_model("resnet32", (16, 16, 3), representation(4, shape))
    output = model(np.zeros((2, 16, 16, 3), "float32"))
    assert tuple(output.shape) == (2, *shape)
    assert keras.backend.standardize_dtype(output.dtype) == "float32"


def test_encoder_initialisation_is_fan_out_normal():
    keras.utils.set_random_seed(0)
    model = build_model("vgg19", (32, 32, 3), representation(10))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            expected = np.sqrt(2.0 / (9 * kernel.shape[-1]))
            assert kernel.std() == pytest.approx(expected, rel=0.05)
            assert np.abs(kernel).max() > 2.5 * expected  # not truncated
            assert not bias.any()


def test_head_initialisation_is_pytorchs():
    keras.utils.set_random_seed(0)
    model = build_model("resnet32", (32, 32, 3), representation(10, (64, 64)))
    bounds = {"neck": 64**-0.5, "decoder0": (64 * 16) ** -0.5, "decoder1": (32 * 16) ** -0.5, "decoder4": 0.25}
    for name, bound in bounds.items():
        kernel, bias = model.get_layer(name).get_weights()
        assert np.abs(kernel).max() <= bound
        assert np.abs(kernel).max() > 0.95 * bound
        assert kernel.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)
        assert np.abs(bias).max() <= bound
        assert bias.any()


def test_vgg_refuses_small_images():
    with pytest.raises(UserError, match="at least 32x32"):
        build_model("vgg19", (16, 16, 3), representation(10))


def test_labels_that_are_not_square_are_refused():
    with pytest.raises(UserError, match="square matrices"):
        build_model("resnet32", (16, 16, 3), representation(4, (8, 16)))


def test_saved_model_loads_in_safe_mode_without_arguments(tmp_path):
    model = build_model("resnet32", (16, 16, 3), representation(4, (32, 32)))
    images = np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype("float32")
    save_model(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_missing_and_damaged_checkpoints(tmp_path):
    with pytest.raises(UserError, match="There is no checkpoint"):
        load_model(tmp_path / "best.keras")
    (tmp_path / "best.keras").write_bytes(b"PK not a model")
    with pytest.raises(UserError, match="cannot be loaded"):
        load_model(tmp_path / "best.keras")
