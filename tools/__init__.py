"""The scripts behind `make`, and what the book is rendered with."""
