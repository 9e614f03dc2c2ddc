"""The `./cotrap` command. One module per idea; `__main__` is the command line."""
