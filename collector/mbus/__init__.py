"""M-Bus (EN 13757): wired meters through level converters, and the same records inside other carriers. Reading only."""
