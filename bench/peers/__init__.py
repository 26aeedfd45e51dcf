"""The same input on other stream processors, each in a process and, if need be, a venv of its own.

Twice: with our own work, as `core` has it, and with a fraction of it, as `work` has it, which needs
nothing of Ebbtide.
"""
