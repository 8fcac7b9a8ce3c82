"""What a microscope would see of a run: SEM frames, EDS maps and profiles, statistics of voids."""
