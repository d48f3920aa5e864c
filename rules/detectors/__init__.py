"""The detectors, one a file; `registry` lists them."""
