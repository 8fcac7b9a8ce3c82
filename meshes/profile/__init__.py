"""The metal's lower boundary: voids with their roofs, as polylines in the plane and as triangles in 3-D."""
