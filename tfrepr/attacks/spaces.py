"""Where perturbations live: on the normalised images that the network sees, or on pixels in [0, 1]."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfrepr.data.standardisation import standardised

SPACES = ("normalised", "pixel")


@dataclass(frozen=True)
class ImageSpace:
    """The space of the attacked images.

    Attributes:
        name: `"normalised"` (epsilon in units of the normalised image, as in the paper) or `"pixel"` (images in [0, 1],
            epsilon in units of 1/255).
        mean, std: The data set's normalisation, per channel, of images scaled to [0, 1].
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.name not in SPACES:
            raise ValueError(f"space must be one of {SPACES}. Received: {self.name!r}")

    def from_bytes(self, images: np.ndarray) -> np.ndarray:
        """Attackable float32 images of uint8 images; the normalised ones are those of `data.pipeline.evaluation_batches`."""
        values = images.astype(np.float32)
        return standardised(values, self.mean, self.std) if self.name == "normalised" else values / np.float32(255)

    def to_pixels(self, images: np.ndarray) -> np.ndarray:
        """Images of this space as pixels, 0 to 1 where they are in range (for pictures)."""
        if self.name == "pixel":
            return images
        return (images * np.asarray(self.std) + np.asarray(self.mean)).astype(np.float32)

    def to_network(self, images: Any) -> Any:
        """The network's input; tensors of any backend, differentiable."""
        return images if self.name == "normalised" else standardised(images, self.mean, self.std, white=1)

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Black and white, per channel: 0 and 1, or (0 - mean) / std and (1 - mean) / std."""
        black = np.zeros(len(self.mean), dtype=np.uint8)
        return self.from_bytes(black), self.from_bytes(black + 255)

    def radius(self, epsilon: float) -> float:
        """The radius in this space's values of an epsilon as users give it."""
        return epsilon / 255 if self.name == "pixel" else epsilon
