"""The commands: one module for each. Its function run(arguments) returns the exit status; None means 0. No
command imports another one. Modules outside this folder hold the parts that several commands share."""
