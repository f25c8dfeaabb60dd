from . import (
    backend as backend,
    data as data,
    devices as devices,
    errors as errors,
    evaluation as evaluation,
    export as export,
    inverse as inverse,
    metrics as metrics,
    models as models,
    physics as physics,
    prediction as prediction,
    report as report,
    tasks as tasks,
    testing as testing,
    training as training,
    weights as weights,
)
from .compression import (
    compress as compress,
    decompress as decompress,
)
from .data import (
    Dataset as Dataset,
    solve_potentials as solve_potentials,
)
from .evaluation import (
    evaluate as evaluate,
)
from .export import (
    export_model as export_model,
)
from .inverse import (
    design as design,
    invert as invert,
)
from .prediction import (
    predict as predict,
)
from .registry import (
    build as build,
    load as load,
    metric as metric,
    names as names,
    register as register,
    task as task,
)
from .tasks import (
    Task as Task,
)
from .training import (
    Run as Run,
    load_model as load_model,
    resume as resume,
    train as train,
)
from .weights import (
    pretrained as pretrained,
)

__version__: str
