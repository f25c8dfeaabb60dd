from .pipeline import (
    Pipeline as Pipeline,
)
from .task import (
    Task as Task,
)
