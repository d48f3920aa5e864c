"""How the program itself is doing, and the live stream."""
