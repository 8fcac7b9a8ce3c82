"""Gmsh: meshes of plane, axisymmetric and 3-D cells from an interface profile."""
