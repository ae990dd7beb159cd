"""What a person is told when a command cannot do its work: one sentence, and what to do about it."""

REFUSED = 1
USAGE = 2


class Failure(Exception):
    """`sentence` says what is the matter, `advice` what to do; neither holds a secret. Exit status 1, 2 for usage."""

    def __init__(self, sentence: str, advice: str = "", *, status: int = REFUSED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.status = status

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}".rstrip()
