"""The tasks: two prompts that differ in what decides the answer, two candidates of one token each.

TASKS are the paper's twenty, about Python; DYCK_TASKS are about brackets; ALL_TASKS are both.
"""

from model.tasks.accumulators import set_or_string, set_or_string_fixedvarname
from model.tasks.branches import else_elif, if_equals, if_ternary, var_if
from model.tasks.copies import class_init, var_swap
from model.tasks.dyck import dyck_depth, dyck_distance, dyck_match
from model.tasks.files import with_as, with_open
from model.tasks.functions import final_kwarg, lambda_func
from model.tasks.literals import bracket_brace, bracket_counting
from model.tasks.loops import enumerate_range, for_while, indent_for, while_return_true
from model.tasks.pair import PromptPair
from model.tasks.strings import fstring_brace, single_double_quote
from model.tasks.task import Language, Split, Task

__all__ = ["ALL_TASKS", "DYCK_TASKS", "TASKS", "Language", "PromptPair", "Split", "Task"]

_ALL = (
    Task.of(single_double_quote, "Closing quote", "Is the open string closed by a double or a single quote?"),
    Task.of(
        final_kwarg,
        "Default of the last argument",
        "Does the last argument need a default, or may the list end?",
    ),
    Task.of(set_or_string, "Set or string", "Does the variable grow as a set or as a string?"),
    Task.of(
        set_or_string_fixedvarname,
        "Set or string, one name",
        "Does the variable `current` grow as a set or as a string?",
    ),
    Task.of(class_init, "Attribute from argument", "Which argument does this attribute of `self` take?"),
    Task.of(with_as, "Opened with or assigned", "Does `as` follow the opened file, or does the line end?"),
    Task.of(bracket_brace, "Dictionary or list", "Is the string a key of a dictionary or an element of a list?"),
    Task.of(with_open, "Read or write", "Is the file of this name opened to be read or to be written?"),
    Task.of(bracket_counting, "Depth of brackets", "Is one bracket open, or are two?"),
    Task.of(for_while, "For or while", "Does the name belong to a `for` loop or a `while` loop?"),
    Task.of(else_elif, "Else or elif", "Does the branch begin at once, or does it need a condition?"),
    Task.of(fstring_brace, "Formatted or plain string", "Does a brace follow in this string, or one more word?"),
    Task.of(if_ternary, "Statement or value", "Does the condition begin a block, or choose between two values?"),
    Task.of(var_swap, "Swapped names", "Which name ends the swap?"),
    Task.of(indent_for, "Depth after a loop's head", "Does the next line stand deeper or at the same depth?"),
    Task.of(lambda_func, "Lambda or function", "Is the name an argument of a lambda or the name of a function?"),
    Task.of(if_equals, "Comparison or assignment", "Is the name compared or assigned?"),
    Task.of(enumerate_range, "Enumerate or range", "Does the loop enumerate things, or count through a range?"),
    Task.of(var_if, "Condition or assigned value", "Does the name end a condition or an assignment?"),
    Task.of(while_return_true, "Endless loop or end of function", "Does a block begin, or is the function over?"),
)
TASKS: dict[str, Task] = {task.name: task for task in _ALL}

_DYCK = (
    Task.of(dyck_match, "Matching bracket", "Which bracket closes the innermost one that is open?", "dyck"),
    Task.of(dyck_distance, "Matching bracket, far away", "Which bracket closes one that was opened long ago?", "dyck"),
    Task.of(dyck_depth, "End of the word", "Is every bracket closed, so that the word may end?", "dyck"),
)
DYCK_TASKS: dict[str, Task] = {task.name: task for task in _DYCK}
ALL_TASKS: dict[str, Task] = TASKS | DYCK_TASKS
