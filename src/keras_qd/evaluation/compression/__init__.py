"""Images in a small file: the latent numbers of an autoencoder, and what tells how to read them."""
