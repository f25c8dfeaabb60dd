from .batches import (
    Batches as Batches,
    FollowEpochs as FollowEpochs,
    feed as feed,
)
from .fit import (
    resume as resume,
    train as train,
)
from .run import (
    Run as Run,
    describe_environment as describe_environment,
    load_model as load_model,
)
