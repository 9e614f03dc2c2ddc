def run(arguments): raise NotImplementedError
