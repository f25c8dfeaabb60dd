"""One training step of two adversaries, written for each backend.

Every module has one function, ``train_step``, with the arguments and the result that the trainer of
its backend expects. What the losses are is the model's business (:meth:`Pix2Pix.compute_losses`);
here each network gets the gradient of its own loss, and of nothing else, from one shared forward
pass.
"""
