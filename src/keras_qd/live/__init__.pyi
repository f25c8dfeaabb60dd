from ._serve import (
    serve as serve,
)
from .static import (
    write_static as write_static,
)
