"""What is kept, drawn and told of an evaluation, by the kind of target."""
