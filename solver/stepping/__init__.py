"""One time step and the protocol that it belongs to: clock, step, schedule, observables."""
