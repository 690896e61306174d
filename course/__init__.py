"""The course: assignments, the grader that takes them back, and what is built from both."""
