"""Label representations: what a network answers. Importing this package registers every label."""
from tfrepr.labels import augmentation, category, controls, embeddings, speech, synthetic  # noqa: F401
