"""livoid: electro-chemo-mechanics of the interface between a lithium anode and a solid electrolyte."""

import os

__version__ = "0.2.0"

# Ranks that wait give their core to others, however they were started (mpirun, srun, a script): waiting at
# full speed costs several times the run on a busy machine. Open MPI reads this when it starts, after this.
os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
