"""Side by side with other finite element codes on the same meshes, elements and tolerances."""
