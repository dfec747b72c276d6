"""Shapes."""
import math

LIMIT = 3


class Circle:
    """A circle."""

    # The area.
    def area(self):
        def helper(x):
            return x
        return math.pi * helper(self.r) ** 2

    @property
    async def name(self):
        return "circle"


def main():
    if LIMIT:
        print("面积")


main()
