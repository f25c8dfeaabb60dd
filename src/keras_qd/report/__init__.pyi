from .report import (
    write_figures as write_figures,
    write_report as write_report,
)
