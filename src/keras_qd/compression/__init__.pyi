from .coding import (
    Compression as Compression,
    compress as compress,
    decompress as decompress,
)
