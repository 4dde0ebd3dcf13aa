"""How a run is run: command line, run folder, resume, report, try, predict, copy."""
