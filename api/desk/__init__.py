"""The desk as a whole: its policy, and how many deadlines were kept."""
