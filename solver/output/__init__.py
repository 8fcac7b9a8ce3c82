"""What a run writes: tables of typed rows, fields for ParaView, checkpoints, and the folder of all."""
