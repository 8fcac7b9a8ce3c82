"""The command line: one module a group of commands, put together in :mod:`solver.cli.main`.

A command is a function with types and a docstring, from which cyclopts makes its arguments and its help. It
takes the communicator, is called on every rank and returns the exit code. dolfinx and what needs it are
imported inside the commands, so that help, version and mistakes are answered at once.
"""
