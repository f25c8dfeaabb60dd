from ._export import (
    Exported as Exported,
    export_model as export_model,
)
