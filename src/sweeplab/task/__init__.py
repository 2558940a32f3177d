"""Between Hydra and the engine: composing jobs, training them, finishing a sweep."""
