"""PETSc options that a case file may change, with the kinds of their values. What is not here is refused.

Options that run a program or Python, and those that read or write a file (viewers, monitors with a target,
option files, MUMPS' output units and its factors on disk) have no place here, whatever they are good for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from solver.case.schema.solver_values import SWITCH, TERMINAL, Number, Numbers, Whole, each, words

if TYPE_CHECKING:
    from solver.case.schema.solver_values import Kind

_COUNT, _MANY, _FEW = Whole(1, 10_000), Whole(0, 1_000_000_000), Whole(0, 100)
_TOLERANCE, _SHARE, _LARGE = Number(0.0, 1e50), Number(0.0, 1.0), Number(-1.0, 1e50)
_FACTOR, _SIGNED = Number(0.0, 100.0), Number(-1e6, 1e6)

_NEWTON: dict[str, Kind] = {
    "snes_type": words("newtonls newtontr newtontrdc ksponly"),
    "snes_linesearch_type": words("basic bt l2 cp nleqerr"),
    "snes_linesearch_order": Whole(1, 3),
    "snes_linesearch_precheck_picard_angle": Number(0.0, 90.0),
    "snes_ksp_ew_version": Whole(1, 4),
    "snes_tr_fallback_type": words("newton cauchy dogleg"),
    "snes_tr_norm_type": words("1 2 infinity"),
    **each(_TOLERANCE, "atol rtol stol", "snes_"),
    **each(_LARGE, "divergence_tolerance", "snes_"),
    **each(_COUNT, "max_it linesearch_max_it", "snes_"),
    **each(Whole(-1, 1_000_000_000), "max_funcs max_fail max_linear_solve_fail", "snes_"),
    **each(Whole(-2, 10_000), "lag_jacobian lag_preconditioner", "snes_"),
    **each(_FACTOR, "damping minlambda maxstep rtol atol ltol alpha", "snes_linesearch_"),
    **each(_FACTOR, "rtol0 rtolmax gamma alpha alpha2 threshold", "snes_ksp_ew_"),
    **each(_TOLERANCE, "delta0 deltamin deltamax eta1 eta2 eta3 t1 t2", "snes_tr_"),
    **each(_TOLERANCE, "delta0 deltaM eta1 eta2 eta3 t1 t2 tol", "snes_trdc_"),
    **each(
        SWITCH,
        "force_iteration error_if_not_converged ksp_ew lag_jacobian_persists lag_preconditioner_persists"
        " linesearch_norms linesearch_keeplambda linesearch_precheck_picard trdc_use_cauchy",
        "snes_",
    ),
    **each(TERMINAL, "monitor converged_reason linesearch_monitor", "snes_"),
}
"""Newton's method."""

_KRYLOV: dict[str, Kind] = {
    "ksp_type": words(
        "preonly none richardson chebyshev cg groppcg pipecg pipecgrr fcg pipefcg cr pipecr gcr pipegcr gmres"
        " fgmres lgmres dgmres pgmres pipefgmres bcgs fbcgs ibcgs fbcgsr pipebcgs bcgsl cgs tfqmr tcqmr"
        " minres symmlq lsqr lcd"
    ),
    "ksp_norm_type": words("none preconditioned unpreconditioned natural"),
    "ksp_convergence_test": words("default skip"),
    "ksp_pc_side": words("left right symmetric"),
    "ksp_gmres_cgs_refinement_type": words("refine_never refine_ifneeded refine_always"),
    "ksp_chebyshev_kind": words("first fourth opt_fourth"),
    "ksp_chebyshev_eigenvalues": Numbers(2),
    "ksp_chebyshev_esteig": Numbers(4),
    **each(_TOLERANCE, "rtol atol divtol gmres_haptol gmres_breakdown_tolerance lcd_haptol", "ksp_"),
    **each(_FACTOR, "richardson_scale", "ksp_"),
    **each(
        Whole(0, 10_000),
        "max_it min_it gmres_restart gcr_restart lcd_restart lgmres_augment bcgsl_ell fcg_mmax fcg_nprealloc"
        " pipefcg_mmax pipefcg_nprealloc pipegcr_mmax pipegcr_nprealloc chebyshev_esteig_steps dgmres_eigen"
        " dgmres_max_eigen",
        "ksp_",
    ),
    **each(Whole(-1, 10_000), "ksp_check_norm_iteration"),
    **each(
        SWITCH,
        "initial_guess_nonzero reuse_preconditioner error_if_not_converged gmres_modifiedgramschmidt"
        " gmres_classicalgramschmidt gmres_preallocate lgmres_constant richardson_self_scale"
        " cg_single_reduction chebyshev_esteig_noisy lag_norm knoll diagonal_scale diagonal_scale_fix"
        " converged_use_initial_residual_norm converged_use_min_initial_residual_norm converged_maxits"
        " bcgsl_cxpoly bcgsl_pinv dgmres_force dgmres_improve",
        "ksp_",
    ),
    **each(TERMINAL, "monitor monitor_true_residual monitor_singular_value converged_reason", "ksp_"),
}
"""Krylov methods."""

_FACTORISATION: dict[str, Kind] = {
    "pc_factor_mat_solver_type": words(
        "petsc mumps superlu superlu_dist umfpack cholmod klu strumpack pastix"
    ),
    "pc_factor_mat_ordering_type": words("natural nd 1wd rcm qmd rowlength amd metisnd external"),
    "pc_factor_shift_type": words("none nonzero positive_definite inblocks"),
    "pc_factor_levels": _FEW,
    **each(_TOLERANCE, "fill shift_amount zeropivot nonzeros_along_diagonal", "pc_factor_"),
    **each(SWITCH, "diagonal_fill in_place reuse_fill reuse_ordering pivot_in_blocks", "pc_factor_"),
    # MUMPS: 1 to 4 are where and what it prints, 22 puts factors on disk, others change what it solves
    **each(Whole(0, 7), "6 7", "mat_mumps_icntl_"),
    **each(Whole(-2, 77), "8", "mat_mumps_icntl_"),
    **each(Whole(-1000, 1000), "10 13 27", "mat_mumps_icntl_"),
    **each(Whole(0, 3), "11 12 28 29 35 36 48 58", "mat_mumps_icntl_"),
    **each(Whole(0, 100_000), "14", "mat_mumps_icntl_"),
    **each(Whole(-15, 15), "15 20", "mat_mumps_icntl_"),
    **each(_MANY, "23", "mat_mumps_icntl_"),
    **each(Whole(0, 1), "24", "mat_mumps_icntl_"),
    **each(Whole(0, 1000), "38", "mat_mumps_icntl_"),
    **each(Number(-1.0, 1e30), "1 2 3 4 5 7", "mat_mumps_cntl_"),
    "mat_superlu_dist_colperm": words("NATURAL MMD_AT_PLUS_A MMD_ATA METIS_AT_PLUS_A PARMETIS"),
    "mat_superlu_dist_rowperm": words("NOROWPERM LargeDiag_MC64 LargeDiag_AWPM"),
    **each(SWITCH, "equil replacetinypivot iterrefine parsymbfact", "mat_superlu_dist_"),
}
"""Factorisations."""

_SMOOTHERS: dict[str, Kind] = {
    "pc_jacobi_type": words("diagonal rowl1 rowmax rowsum"),
    "pc_jacobi_rowl1_scale": _FACTOR,
    "pc_asm_type": words("basic restrict interpolate none"),
    "pc_asm_local_type": words("additive multiplicative"),
    **each(_FACTOR, "pc_sor_omega pc_eisenstat_omega"),
    **each(_SIGNED, "pc_sor_diagonal_shift"),
    **each(_FEW, "pc_sor_its pc_sor_lits pc_asm_overlap"),
    **each(_COUNT, "pc_asm_blocks pc_bjacobi_blocks pc_redundant_number pc_telescope_reduction_factor"),
    **each(SWITCH, "abs fixdiagonal", "pc_jacobi_"),
    **each(SWITCH, "symmetric backward forward local_symmetric local_backward local_forward", "pc_sor_"),
    "pc_use_amat": SWITCH,
}
"""Simple preconditioners."""

_MULTIGRID: dict[str, Kind] = {
    "pc_mg_type": words("additive multiplicative full kaskade"),
    "pc_mg_cycle_type": words("v w"),
    "pc_mg_galerkin": words("both pmat mat none"),
    "pc_mg_distinct_smoothup": SWITCH,
    **each(Whole(1, 50), "pc_mg_levels pc_mg_multiplicative_cycles"),
    "pc_gamg_type": words("agg classical"),
    "pc_gamg_coarse_grid_layout_type": words("compact spread"),
    "pc_gamg_threshold": Numbers(20),
    "pc_gamg_eigenvalues": Numbers(2),
    **each(_SIGNED, "pc_gamg_threshold_scale"),
    **each(
        _MANY,
        "agg_nsmooths aggressive_coarsening aggressive_mis_k coarse_eq_limit process_eq_limit square_graph",
        "pc_gamg_",
    ),
    **each(
        SWITCH,
        "aggressive_square_graph asm_use_agg graph_symmetrize low_memory_threshold_filter"
        " mis_k_minimum_degree_ordering parallel_coarse_grid_solver recompute_esteig repartition"
        " reuse_interpolation use_sa_esteig",
        "pc_gamg_",
    ),
}
"""Multigrid and smoothed aggregation."""

_RELAXATION = words(
    "Jacobi sequential-Gauss-Seidel seqboundary-Gauss-Seidel SOR/Jacobi backward-SOR/Jacobi"
    " symmetric-SOR/Jacobi l1scaled-SOR/Jacobi"
    " Gaussian-elimination l1-Gauss-Seidel backward-l1-Gauss-Seidel CG Chebyshev"
    " FCF-Jacobi l1scaled-Jacobi"
)
_BOOMERAMG: dict[str, Kind] = {
    "cycle_type": words("V W"),
    "coarsen_type": words("CLJP Ruge-Stueben modifiedRuge-Stueben Falgout PMIS HMIS"),
    "interp_type": words(
        "classical direct multipass multipass-wts ext+i ext+i-cc standard standard-wts block block-wtd FF FF1"
        " ext ad-wts ext-mm ext+i-mm ext+e-mm"
    ),
    "measure_type": words("local global"),
    "smooth_type": words("ILU Schwarz-smoothers Pilut ParaSails"),
    "relax_weight_level": Numbers(2),
    "outer_relax_weight_level": Numbers(2),
    **each(_RELAXATION, "relax_type_all relax_type_down relax_type_up relax_type_coarse"),
    **each(_SHARE, "strong_threshold strongthresholdR filterthresholdR max_row_sum tol truncfactor Adroptol"),
    **each(_SIGNED, "relax_weight_all outer_relax_weight_all"),
    **each(
        Whole(0, 1000),
        "max_levels max_iter P_max agg_nl agg_num_paths numfunctions grid_sweeps_all grid_sweeps_down"
        " grid_sweeps_up grid_sweeps_coarse smooth_num_levels smooth_num_sweeps nodal_coarsen"
        " nodal_coarsen_diag nodal_relaxation"
        " vec_interp_variant vec_interp_qmax interp_refine restriction_type",
    ),
    **each(_MANY, "max_coarse_size min_coarse_size"),
    **each(SWITCH, "no_CF keeptranspose vec_interp_smooth"),
}
_HYPRE: dict[str, Kind] = {
    "pc_hypre_type": words("boomeramg ilu pilut parasails"),
    **{f"pc_hypre_boomeramg_{name}": kind for name, kind in _BOOMERAMG.items()},
}
"""hypre."""

PRECONDITIONERS = (
    "none lu cholesky ilu icc jacobi pbjacobi vpbjacobi bjacobi sor eisenstat asm ksp mg gamg hypre redundant"
    " telescope svd"
)
LINEAR: Mapping[str, Kind] = {
    "pc_type": words(PRECONDITIONERS),
    **_KRYLOV,
    **_FACTORISATION,
    **_SMOOTHERS,
    **_MULTIGRID,
    **_HYPRE,
}
"""Options of a linear solver, at the top and behind every prefix."""
TOP: Mapping[str, Kind] = {**_NEWTON, **LINEAR}
"""Options of a set without parts."""
TOP_OF_SPLIT: Mapping[str, Kind] = {
    **TOP,
    "pc_type": words(PRECONDITIONERS + " fieldsplit"),
    "pc_fieldsplit_type": words("additive multiplicative symmetric_multiplicative schur gkb"),
    "pc_fieldsplit_schur_fact_type": words("diag lower upper full"),
    "pc_fieldsplit_schur_precondition": words("self selfp a11 user full"),
    "pc_fieldsplit_schur_scale": _SIGNED,
    **each(SWITCH, "pc_fieldsplit_diag_use_amat pc_fieldsplit_off_diag_use_amat"),
}
"""The same for a set that takes its equations apart."""

INNER = r"(?:ksp_|sub_|mg_levels_(?:\d{1,2}_)?|mg_coarse_|mg_fine_|esteig_|redundant_|telescope_)"
"""Prefixes that solvers inside a solver have."""
DEPTH = 4
"""Solvers inside one another at most."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "newton-direct": (),
    "newton-symmetric": (),
    "creep-schur": ("velocity", "pressure"),
    "electrochemistry-split": ("potential", "supersaturation", "fraction", "metal_potential"),
    "motion-multigrid": (),
}
"""Sets of options by name, and the parts into which each takes its equations."""
