"""What every room uses: files and locks, ranks, the time that parts of a run take, versions."""
