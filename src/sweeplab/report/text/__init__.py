"""The report's sentences, made from what the statistics found."""
