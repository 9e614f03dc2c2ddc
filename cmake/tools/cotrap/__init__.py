"""The `./cotrap` command. `options` defines the command line; `__main__` runs the chosen command."""
