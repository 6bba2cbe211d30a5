"""The simulator: the real planner in virtual time, against the response model of the sandbox.

No database and no servers: what is planned, what is due in a moment and
what people do about it are the same pure functions that a deployment and
its time-lapse use, so both come to the same touches with the same times.
"""

from console.simulate.engine import simulate
from console.simulate.options import SimulateOptions

__all__ = ["SimulateOptions", "simulate"]
