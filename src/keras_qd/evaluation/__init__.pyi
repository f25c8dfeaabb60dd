from ._evaluate import (
    evaluate as evaluate,
)
from .cost import (
    CostComparison as CostComparison,
)
from .result import (
    Evaluation as Evaluation,
)
from .scores import (
    Score as Score,
)
from .uncertainty import (
    Uncertainty as Uncertainty,
)
