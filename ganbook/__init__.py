"""What only the book needs, in the same wheel as `ganlib` and with no promise of stability."""
