"""From tensor graph to kernel graph: what is computed where, and in what order.

Indices flow from the results to the inputs: every node learns at which indices its users read it,
so movement ops vanish into index arithmetic. Each node is then computed inside its users' kernels
or stored in a buffer of its own, by a stated cost model; what is left are scalar expressions over
named axes, one kernel each.

May import ``simplify`` and everything below it. Enter at ``passes``, which has all passes in their
order. In reading order:

* Graphs before they are fused: ``assignments`` and ``empty`` settle what is no value; sums are
  exchanged (``exchange``), taken by ``phases``, or done with fewer products: ``shorten_filters``
  chooses, ``short_filters`` writes, of what ``sums_of_products`` reads, by ``toom_cook``.
* Fusion: ``access`` and ``axes`` say where sources are read, ``roots`` what fusion results in.
  ``fuse`` walks the graph; for each node ``choose_elementwise`` or ``choose_reductions`` decides,
  by its ``uses`` and by ``cost``. Some nodes are decided on before: ``trunks`` are stored,
  ``streams`` never are (``running`` says which of their totals go together), and what is
  ``compared`` with its own maximum is computed once. Afterwards ``siblings`` become one kernel.
  ``report`` tells the trace of all this.
* Kernels: ``express`` writes them, each once for all that are ``alike``; ``order`` sorts them.
* The same kernels said more directly: ``narrow_stores``, ``pick_terms``, ``flatten_sums``,
  ``split_sums``, ``share_guards``, ``divide_sums``, ``merge_axes``.
"""
