"""Timing on one core: set before NumPy is imported anywhere."""

import os
import time

from machine import processor as processor

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def seconds_each(function, arguments):
    """Mean processor seconds of one call, after one call to make tables."""
    function(arguments[0])
    start = time.process_time()
    for argument in arguments:
        function(argument)
    return (time.process_time() - start) / len(arguments)
