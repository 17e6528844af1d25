"""Label representations: what a network answers. Importing this package registers every label."""
from tfrepr.labels import augmentation, category, embeddings, speech, synthetic  # noqa: F401
