"""The command line: thin commands over the other rooms, none of which imports torch early."""
