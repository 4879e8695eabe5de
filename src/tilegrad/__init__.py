"""tilegrad: the tensor compiler you can see through."""
