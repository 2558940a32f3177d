"""A sweep's folder: which runs are in it, its tables and settings, what it still lacks."""
