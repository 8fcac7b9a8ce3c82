"""Parameter studies: a study file, its points, its folder, marks of what is done, Snakemake that runs it."""
