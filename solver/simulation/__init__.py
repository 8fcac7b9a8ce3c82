"""A run from its first mesh to its end: steps, changes of the interface, new meshes, restart, warnings."""
