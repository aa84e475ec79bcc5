"""The one way the generator says no."""


class Refusal(Exception):
    """A schema that can't be turned into types: which file, where in it, and what to do."""

    def __init__(self, file, pointer, sentence):
        super().__init__(f"{file}#{pointer}: {sentence}")
        self.file = file
        self.pointer = pointer
        self.sentence = sentence
