"""Drills as a program runs them: a child process with a copy of the shard, fed beside the live rules."""
