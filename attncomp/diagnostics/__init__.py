"""Diagnostics: what they are, their codes and pages, how they are shown; remarks about fusion."""
