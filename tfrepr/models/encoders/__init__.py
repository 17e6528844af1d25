"""Image encoders: `(batch, height, width, 3)` to features `(batch, d)`. Importing this package registers every encoder.

The last layer of an encoder is called `features`, the layers that end its stages `stage1`, `stage2`, ...
"""

from tfrepr.models.encoders import resnet, resnet50, vgg  # isort: split

from tfrepr.models.encoders import alexnet, mini_inception, mlp

__all__ = ["alexnet", "mini_inception", "mlp", "resnet", "resnet50", "vgg"]
