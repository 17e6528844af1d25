"""A network of your own that answers in spoken words: train it, save it, load it in a new process, attack it.

python examples/own_network.py [EPOCHS]
"""

import subprocess
import sys

import keras
import numpy as np

import tfrepr

digits = tfrepr.load_images("digits")
tests, test_ids = digits.test_images / 255, digits.test_ids
speech = tfrepr.make_representation(digits.class_names, "speech")

backbone = keras.Sequential([
    keras.Input(digits.image_shape),
    keras.layers.Conv2D(32, 5, strides=2, activation="relu"),
    keras.layers.Conv2D(64, 5, strides=2, activation="relu"),
    keras.layers.Flatten(),
])
model = tfrepr.add_label_head(backbone, speech)
model.compile(keras.optimizers.Adam(0.003), loss=speech.losses, metrics=[speech.accuracy])
model.fit(digits.train_images / 255, digits.train_ids, epochs=int(sys.argv[1]) if sys.argv[1:] else 10, verbose=2)

said = np.asarray(speech.decode(model.predict(tests, verbose=0)))
print(f"right: {(said == test_ids).mean():.1%}; the first images say: {', '.join(speech.class_names[i] for i in said[:5])}")

np.save("tests.npy", tests)
tfrepr.class_scores(model, speech).save("spoken.keras")  # Keras's own layers: whoever loads it needs nothing of ours
code = """import keras, numpy
print(*keras.models.load_model('spoken.keras').predict(numpy.load('tests.npy'), verbose=0).argmax(axis=1))"""
loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
print(f"the loaded network says the same: {(np.array(loaded, int) == said).mean():.1%}")

table = tfrepr.attack(model, speech, digits.test_images[:50], test_ids[:50], epsilons="0,8")
print(table[["attack", "goal", "epsilon", "criterion", "accuracy"]].to_string())
