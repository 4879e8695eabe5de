"""Scripts that keep the house in order. Nothing in src imports them."""
