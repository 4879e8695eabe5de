"""From tensor graph to kernel graph: what is computed where, and in what order.

Indices flow from the results to the inputs (``access``): every node learns at which indices its
users read it, so movement ops vanish into index arithmetic. Each node is then computed inside its
users' kernels or stored in a buffer of its own, by a stated cost model (``fuse``, ``choose``,
``cost``); what is left are scalar expressions over named axes (``express``), one kernel each, put
in order (``order``) and tidied (``flatten_sums``, ``merge_axes``).

May import ``simplify`` and everything below it. Enter at ``fuse.fuse`` and ``order.order_kernels``.
"""
