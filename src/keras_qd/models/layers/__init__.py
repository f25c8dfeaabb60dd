"""The layers that the networks of keras-qd are made of."""
