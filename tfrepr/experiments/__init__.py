"""Named lists of runs. Importing this package registers every experiment.

An experiment is a function without arguments that returns its configs; its docstring names the paper's table or figure, the
command, the expected values and the cost.
"""

from tfrepr.experiments import (
    beyond_categorical,
    dimension_entropy,
    evidence,
    miniproject,
    quickstart,
    rethinking,
    two_cores,
)

__all__ = ["beyond_categorical", "dimension_entropy", "evidence", "miniproject", "quickstart", "rethinking", "two_cores"]
