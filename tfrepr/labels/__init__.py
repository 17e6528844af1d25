"""Label representations: what a network answers. Importing this package registers every label."""
from tfrepr.labels import synthetic  # noqa: F401
