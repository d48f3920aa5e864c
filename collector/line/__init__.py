"""Lines on which meters answer in whole frames of their own protocol: DL/T 645, CJ/T 188, M-Bus."""
