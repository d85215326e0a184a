"""Everything on one machine: the processes that `up` keeps running, their addresses and their health."""
