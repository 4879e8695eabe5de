"""The state of a model: dictionaries of tensors, and the files that hold them."""
