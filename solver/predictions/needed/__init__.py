"""The designer's question, ``livoid pressure-needed``: the smallest pressure that keeps a cell in limits."""
