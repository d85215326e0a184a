"""The audit: what must be true of every store at any time, checked against what is written there.

I1 one outcome a path. I2 events numbered without a gap. I3 the events tell the same as the rows. I4 epochs never go
back. I5 every effect has its intent, I6 and its receipt. I7 one decision a review, for what was shown. I8 nothing
follows the end. I9 what nobody holds waits for something. I10 one definition from start to end. I11 the walk does not
depend on the order in which things became known, and proposes nothing that is done. I12 no more deaths than are
allowed. I13 the counters count.
"""

from flowbuilder.audit.finding import Finding
from flowbuilder.audit.scan import audit, audit_rows

__all__ = ["Finding", "audit", "audit_rows"]
