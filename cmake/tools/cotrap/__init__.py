"""The `./cotrap` command. `options` defines the command line; `command_line` runs the chosen command, which is a
module of `commands`; `__main__` does so in a process. The other modules are what the commands share."""
