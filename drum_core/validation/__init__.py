"""The checks of `drum validation`, and the processes that they run in."""
