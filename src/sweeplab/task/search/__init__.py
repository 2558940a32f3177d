"""A sweep whose settings are searched for, a batch at a time: see ``loop``."""
