from ._predict import (
    predict as predict,
)
from .files import (
    predict_file as predict_file,
)
