from . import (
    backend as backend,
    data as data,
    datasets as datasets,
    errors as errors,
    evaluation as evaluation,
    metrics as metrics,
    models as models,
    physics as physics,
    tasks as tasks,
    testing as testing,
    training as training,
)
from .components import (
    build as build,
    load as load,
    metric as metric,
    names as names,
    register as register,
    task as task,
)
from .evaluation import (
    compress as compress,
    decompress as decompress,
    evaluate as evaluate,
    export as export,
    invert as invert,
    predict as predict,
)
from .training import (
    resume as resume,
    train as train,
)

__version__: str
