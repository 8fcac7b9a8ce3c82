"""Physical terms, a file each: parameters, conversion from the case, weak form, equation and source."""
