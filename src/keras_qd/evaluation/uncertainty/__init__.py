"""How unsure predictions are: several draws of each, and whether their spread tells the error."""
