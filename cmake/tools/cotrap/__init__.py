"""The `./cotrap` command. `options` defines the command line; `__main__` runs the chosen command, which is a
module of `commands`. The other modules are what the commands share."""
