from .dataset import (
    check_dataset as check_dataset,
)
from .installation import (
    InstallationCheck as InstallationCheck,
    self_test as self_test,
)
from .metric import (
    check_metric as check_metric,
)
from .model import (
    check_model as check_model,
)
from .potential_family import (
    check_potential_family as check_potential_family,
)
from .task import (
    check_task as check_task,
)
