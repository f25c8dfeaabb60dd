from ._evaluate import (
    evaluate as evaluate,
)
from .cost import (
    Worth as Worth,
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
