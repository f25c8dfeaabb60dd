from .physical_model import (
    PhysicalModel as PhysicalModel,
)
from .pipeline import (
    Pipeline as Pipeline,
)
from .task import (
    Task as Task,
)
