"""The equation sets of docs/model.md on one mesh, and the model that couples them."""
