"""A sweep for other tools: TensorBoard, MLflow, and whatever reads CSV.

Everything is made of the run folders alone, and once: exporting again adds what is new.
"""
