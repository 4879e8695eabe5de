"""The networks of the cases: parameters by name as NumPy arrays, and functions on an adapter."""
