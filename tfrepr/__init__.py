"""tfrepr: what does the label do to an image classifier?

A reproduction of "Beyond Categorical Label Representations for Image Classification" (Chen, Li, Raghupathi and Lipson,
ICLR 2021) in Keras 3 on TensorFlow, with two neighbouring studies of labels on the same machinery.
"""

from tfrepr import surroundings

__version__ = "0.1.0"

surroundings.prepare()
