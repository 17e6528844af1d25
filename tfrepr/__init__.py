"""tfrepr: what does the label do to an image classifier?

A reproduction of "Beyond Categorical Label Representations for Image Classification" (Chen, Li, Raghupathi and Lipson,
ICLR 2021) in Keras 3 on TensorFlow, with two neighbouring studies of labels on the same machinery.

The names that a program may use are those of `__init__.pyi`; each is imported when it is first asked for.
"""

import lazy_loader

from tfrepr import surroundings

surroundings.prepare()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
