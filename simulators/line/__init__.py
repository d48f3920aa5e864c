"""Lines with simulated meters that answer in frames: behind a socket or a pseudo-terminal, at the line's own pace."""
