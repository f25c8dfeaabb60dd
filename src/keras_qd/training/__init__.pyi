from .environment import describe_environment as describe_environment
from .fit import resume as resume
from .fit import train as train
from .run import Run as Run
