"""The audit: invariants that hold in every store at any time, checked against its records.

I1 one outcome per path. I2 events numbered without a gap. I3 the events agree with the rows. I4 epochs never decrease.
I5 every effect has its intent event, I6 and its receipt event. I7 one decision per review, for the content shown. I8 no
event follows the end. I9 an execution without a holder waits for something. I10 the plan never changes. I11 the walk
does not depend on the order of outcomes and decisions, and starts nothing that has an outcome. I12 at most `MAX_DEATHS`
lost leases in a row. I13 the counters of open reviews are right.
"""

from flowbuilder.audit.scan import audit, audit_rows
from flowbuilder.audit.snapshot import Finding

__all__ = ["Finding", "audit", "audit_rows"]
