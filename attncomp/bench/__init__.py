"""Measuring modules side by side: each contestant in a process of its own, timed in turns."""
