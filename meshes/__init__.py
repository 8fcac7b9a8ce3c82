"""Gmsh geometry and meshes of a metal anode on a solid electrolyte with voids between them."""
