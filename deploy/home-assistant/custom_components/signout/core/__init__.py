"""What signout says and whom it means, without Home Assistant.

Nothing here does I/O, reads a clock or is async: bytes, times and keys are arguments.
"""
