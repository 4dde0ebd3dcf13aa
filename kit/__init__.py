"""How a run is run: command line, run folder, exact resume, report, try, copy."""
