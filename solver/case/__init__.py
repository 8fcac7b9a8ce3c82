"""The case file: schema, units, materials, and reading it with every problem at once. SI inside."""
