"""The two names of the package `trampoline` that torchsde needs, for machines that lack it."""


class TailCall(Exception):
    def __init__(self, generator):
        self.generator = generator


def trampoline(generator):
    """Runs nested generators without recursion: each may yield another and is sent its result."""
    stack, value = [generator], None
    while stack:
        try:
            stack.append(stack[-1].send(value))
            value = None
        except TailCall as call:
            stack[-1], value = call.generator, None
        except StopIteration as stop:
            stack.pop()
            value = stop.value
    return value
