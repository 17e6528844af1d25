"""Figures: one function each, from `tfrepr.results.tables.Results` to a Matplotlib `Figure`.

Importing this package registers every figure in `tfrepr.registry.FIGURES`. A figure function draws one page, all runs of
which share what its attribute `page_by` names; `drawing.pages` cuts results into such pages.
"""

from tfrepr.figures import beyond_categorical as beyond_categorical  # isort: split

from tfrepr.figures import adversarial as adversarial
from tfrepr.figures import adversarial_images as adversarial_images
from tfrepr.figures import dimension_entropy as dimension_entropy
from tfrepr.figures import embedding as embedding
from tfrepr.figures import gradcam as gradcam
from tfrepr.figures import limited_data as limited_data
from tfrepr.figures import miniproject as miniproject
from tfrepr.figures import rethinking as rethinking
from tfrepr.figures import robustness as robustness
