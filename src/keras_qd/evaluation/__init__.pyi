from .drawing import write_figures as write_figures
from .evaluating import evaluate as evaluate
from .prediction import predict as predict
from .report import write_report as write_report
from .result import Evaluation as Evaluation
from .scores import Score as Score
