"""Attack a network of ours with another library, the Adversarial Robustness Toolbox (ART), and compare.

python examples/attack_with_art.py [RUN [DATA_DIR]]

RUN is a finished run by directory, name or pattern; without one, a small network learns to say digits first. ART comes with
the extra `dev`: `pip install -e ".[dev]"`. Foolbox, AutoAttack and others take the same model of class scores.
"""

import sys

import keras
import numpy as np
from art.attacks.evasion import AutoProjectedGradientDescent
from art.estimators.classification import TensorFlowV2Classifier

import tfrepr

if sys.argv[1:]:
    trained = tfrepr.load_run(sys.argv[1])
    data = tfrepr.load_images(trained.run.config().dataset, *sys.argv[2:3])
    model, label, mean, std = trained.model, trained.representation, trained.mean, trained.std
else:
    data = tfrepr.load_images("digits")
    label, mean, std = tfrepr.make_representation(data.class_names, "speech"), data.mean, data.std
    model = tfrepr.build_model("mlp1x512", data.image_shape, label)
    model.compile(keras.optimizers.Adam(0.003), loss=label.losses)
    model.fit((data.train_images / 255 - mean) / std, data.train_ids, epochs=8, verbose=0)

images, ids = np.float32(data.test_images[:50] / 255), data.test_ids[:50]
scores = tfrepr.class_scores(model, label, mean=mean, std=std)  # images in [0, 1] -> one score a class; plain Keras
classifier = TensorFlowV2Classifier(scores, nb_classes=len(label.class_names), input_shape=images.shape[1:], clip_values=(0, 1),
                                    loss_object=keras.losses.CategoricalCrossentropy(from_logits=True))


def accuracy(pixels: np.ndarray) -> float:
    return float((classifier.predict(pixels).argmax(axis=1) == ids).mean())


# The ratio of score differences does not depend on their scale. The cross-entropy does: over squared distances it rounds to 0.
art = AutoProjectedGradientDescent(classifier, eps=32 / 255, eps_step=64 / 255, max_iter=50, nb_random_init=1, verbose=False,
                                   loss_type="difference_logits_ratio")
robust = accuracy(art.generate(images, np.eye(len(label.class_names), dtype=np.float32)[ids]))
ours = tfrepr.attack(model, label, images, ids, mean=mean, std=std, protocol="autoattack", epsilons="32", steps=50, queries=100)
print(f"clean {accuracy(images):.1%}; at 32/255: ART {robust:.1%}, ours {ours.accuracy.iloc[-1]:.1%} ({len(ids)} test images)")
