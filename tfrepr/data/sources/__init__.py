"""Data sources; importing this package registers all of them in `tfrepr.registry.DATASETS`."""

from tfrepr.data.sources import cifar, digits, folder

__all__ = ["cifar", "digits", "folder"]
