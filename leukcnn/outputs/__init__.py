"""Tables and figures of papers, one module a kind: what it needs, what it captures, what it builds."""
