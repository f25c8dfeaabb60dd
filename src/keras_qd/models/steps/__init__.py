"""One training step of two adversaries for each backend.

Every module has one function, ``train_step``, with the arguments and the result that the trainer of
its backend expects. The losses are those of :meth:`~keras_qd.models.Pix2Pix.compute_losses`. Here
each network gets the gradient of its own loss, both from one shared forward pass.
"""
