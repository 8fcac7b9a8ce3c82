"""From a case to what the equations are solved with: scales, parameters, groups, seeds, sizes, protocol."""
