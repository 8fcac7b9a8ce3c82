"""What is known of parameters before and after an experiment: priors, and the files that name them."""
