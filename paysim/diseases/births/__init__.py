"""Births: newcomers on the lists of their mothers' practices."""
