"""What a run writes: tables, fields, records along the interface, checkpoints, the run folder."""
