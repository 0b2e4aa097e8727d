"""Adapters that let other libraries read a split. Each module imports only the library it is for."""
