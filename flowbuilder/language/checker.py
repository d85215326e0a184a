"""interim"""
from flowbuilder.language.shapes import Shape
def check_program(program, namespace): return Shape(), ()
