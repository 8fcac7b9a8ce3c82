"""Parameter studies: a study file, its points, its folder, and the engine (Snakemake) that runs them."""
