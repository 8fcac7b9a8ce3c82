"""The case file: schema, units, material library, and reading it with all its problems at once. SI inside."""
