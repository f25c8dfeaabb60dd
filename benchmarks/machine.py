"""What a benchmark runs on, and how to hold it to some cores."""

import os
import platform


def processor():
    """Name of the processor, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def machine():
    """Name of the accelerator that Keras computes on, or else of the processor."""
    import keras

    if keras.config.backend() == "jax":
        import jax

        device = jax.devices()[0]
        return processor() if device.platform == "cpu" else device.device_kind
    if keras.config.backend() == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return (
        tf.config.experimental.get_device_details(found[0])["device_name"] if found else processor()
    )


def hold_to(cores):
    """Run on the first `cores` cores, on whichever backend; 0: on all."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
