"""The program: settings, database, errors, command line."""
